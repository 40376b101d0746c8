/**
 * One participant's WebSocket, kept open: authenticates in its first message (never in the URL), pings, notices a silent
 * connection, and comes back by itself with jittered backoff; at once when the network or the page comes back.
 *
 * Invariants: at most one live WebSocket; frames and closes of an older one are ignored; after `stop` nothing happens.
 */
import { backoffMs } from "./backoff";
import { type ClientFrame, meaningOfClose, readFrame, type ServerFrame } from "./frames";
import { HUNG_MS } from "./patience";

export type SocketState = "connecting" | "open" | "waiting" | "replaced" | "final" | "stopped";

export interface SocketHooks {
  /** Read for every connection: where to go on from. */
  auth(): { credential: string; last_seq: number; epoch?: string };
  onFrame(frame: ServerFrame): void;
  /** `failures` counts tries since the last hello. `code` is the close code where the server gave one. */
  onState(state: SocketState, failures: number, code: number | null): void;
}

export interface SocketLike {
  readonly readyState: number;
  send(data: string): void;
  close(code?: number): void;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
}

const OPEN = 1;
const HELLO_WITHIN_MS = 8_000;
const PING_EVERY_MS = 25_000;
const PONG_WITHIN_MS = 10_000;
/** A page that just woke up wants to know sooner whether its socket is still real. */
const WAKE_PONG_WITHIN_MS = 2_500;

export class SessionSocket {
  private socket: SocketLike | null = null;
  private state: SocketState = "stopped";
  private failures = 0;
  private connectingSince = 0;
  private reconnectTimer: ReturnType<typeof setTimeout> | undefined;
  private silenceTimer: ReturnType<typeof setTimeout> | undefined;
  private pingTimer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly url: string,
    private readonly hooks: SocketHooks,
    private readonly open: (url: string) => SocketLike = (address) => new WebSocket(address),
  ) {}

  get isOpen(): boolean {
    return this.state === "open";
  }

  start(): void {
    if (this.state === "final") return;
    this.connect();
  }

  stop(): void {
    this.drop();
    this.enter("stopped", null);
  }

  /** False when there is no open socket: the caller keeps what it wanted to send. */
  send(frame: ClientFrame): boolean {
    if (this.state !== "open" || this.socket?.readyState !== OPEN) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  /** The network or the page is back: find out at once instead of waiting for a timer. */
  wake(): void {
    this.probe();
    const hung = this.state === "connecting" && Date.now() - this.connectingSince >= HUNG_MS;
    if (this.state === "waiting" || this.state === "replaced" || hung) this.connect();
  }

  /** Finds out whether an open socket still is one. */
  probe(): void {
    if (this.state === "open") this.ping(WAKE_PONG_WITHIN_MS);
  }

  private connect(): void {
    this.drop();
    this.connectingSince = Date.now();
    this.enter("connecting", null);
    let socket: SocketLike;
    try {
      socket = this.open(this.url);
    } catch {
      this.lost(null);
      return;
    }
    this.socket = socket;
    this.silenceTimer = setTimeout(() => this.lost(null), HELLO_WITHIN_MS);
    socket.onopen = () => {
      if (this.socket === socket) socket.send(JSON.stringify({ type: "auth", ...this.hooks.auth() }));
    };
    socket.onmessage = (event) => {
      if (this.socket === socket) this.receive(event.data);
    };
    socket.onclose = (event) => {
      if (this.socket === socket) this.lost(event.code);
    };
  }

  private receive(data: unknown): void {
    clearTimeout(this.silenceTimer);
    const frame = readFrame(data);
    if (frame === null) return;
    if (frame.type === "hello") {
      this.failures = 0;
      const every = frame.heartbeat_s > 0 ? Math.min(frame.heartbeat_s * 1_000, PING_EVERY_MS) : PING_EVERY_MS;
      this.pingTimer = setInterval(() => this.ping(PONG_WITHIN_MS), every);
      this.enter("open", null);
    }
    this.hooks.onFrame(frame);
  }

  private ping(withinMs: number): void {
    if (!this.send({ type: "ping" })) return;
    clearTimeout(this.silenceTimer);
    this.silenceTimer = setTimeout(() => this.lost(null), withinMs);
  }

  /** The connection is gone, or as good as gone. */
  private lost(code: number | null): void {
    this.drop();
    const meaning = meaningOfClose(code ?? 1006);
    if (meaning === "final" || meaning === "replaced") {
      this.enter(meaning, code);
      return;
    }
    const wait = meaning === "soon" && this.failures === 0 ? backoffMs(0) : backoffMs(this.failures);
    this.failures += 1;
    this.reconnectTimer = setTimeout(() => this.connect(), wait);
    this.enter("waiting", code);
  }

  private drop(): void {
    clearTimeout(this.reconnectTimer);
    clearTimeout(this.silenceTimer);
    clearInterval(this.pingTimer);
    const socket = this.socket;
    this.socket = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    try {
      socket.close(1000);
    } catch {
      // Already closed: nothing to do.
    }
  }

  private enter(state: SocketState, code: number | null): void {
    this.state = state;
    this.hooks.onState(state, this.failures, code);
  }
}

export function socketUrl(sessionId: string, page: { protocol: string; host: string }): string {
  return `${page.protocol === "https:" ? "wss" : "ws"}://${page.host}/ws/sessions/${encodeURIComponent(sessionId)}`;
}
