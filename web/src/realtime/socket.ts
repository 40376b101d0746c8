/**
 * One participant's WebSocket, kept open: authenticates in its first message (never in the URL), pings, notices a silent
 * connection, and comes back by itself with jittered backoff; at once when the network or the page comes back. A socket that
 * gave way to another tab's comes back by `start` only.
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
/** A network that has just come back opens a socket sooner than this, or the try was sent into the void. */
const OPEN_WITHIN_MS = 3_500;
/** Every third try has more time: there are networks that need it. */
const OPEN_SLOWLY_WITHIN_MS = 8_000;
const PATIENT_EVERY = 3;
const HELLO_WITHIN_MS = 8_000;
const PING_EVERY_MS = 25_000;
const PONG_WITHIN_MS = 10_000;
/** Who waits for an answer, or has just come back, wants to know sooner whether the socket is still real. */
const PROBE_WITHIN_MS = 2_500;
/** A socket that has said nothing for this long is not taken at its word by a guest who touches the page. */
const SILENT_MS = 5_000;

export class SessionSocket {
  private socket: SocketLike | null = null;
  private state: SocketState = "stopped";
  private failures = 0;
  private connectingSince = 0;
  private heardAt = 0;
  /** When the answer to a ping is due; null while none is awaited. */
  private pongBy: number | null = null;
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
    this.failures = 0;
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
    if (this.state !== "waiting" && this.state !== "connecting") return;
    this.failures = 0;
    const hung = Date.now() - this.connectingSince >= HUNG_MS;
    if (this.state === "waiting" || hung) this.connect();
    else this.allow(HUNG_MS);
  }

  /** Finds out whether an open socket still is one. */
  probe(): void {
    if (this.state === "open") this.ping(PROBE_WITHIN_MS);
  }

  /** The guest touches the page. */
  touch(): void {
    if (Date.now() - this.heardAt >= SILENT_MS) this.probe();
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
    const patient = this.failures % PATIENT_EVERY === PATIENT_EVERY - 1;
    this.allow(patient ? OPEN_SLOWLY_WITHIN_MS : OPEN_WITHIN_MS);
    socket.onopen = () => {
      if (this.socket !== socket) return;
      this.allow(HELLO_WITHIN_MS);
      socket.send(JSON.stringify({ type: "auth", ...this.hooks.auth() }));
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
    this.pongBy = null;
    this.heardAt = Date.now();
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
    const by = Date.now() + withinMs;
    // Asking again must not give a dead socket more time.
    if ((this.pongBy !== null && this.pongBy <= by) || !this.send({ type: "ping" })) return;
    this.pongBy = by;
    this.allow(withinMs);
  }

  /** Silent for this long from now on, the connection is given up. */
  private allow(ms: number): void {
    clearTimeout(this.silenceTimer);
    this.silenceTimer = setTimeout(() => this.lost(null), ms);
  }

  /** The connection is gone, or as good as gone. */
  private lost(code: number | null): void {
    this.drop();
    const meaning = meaningOfClose(code ?? 1006);
    if (meaning === "final" || meaning === "replaced") {
      this.enter(meaning, code);
      return;
    }
    this.reconnectTimer = setTimeout(() => this.connect(), backoffMs(this.failures));
    this.failures += 1;
    this.enter("waiting", code);
  }

  private drop(): void {
    clearTimeout(this.reconnectTimer);
    clearTimeout(this.silenceTimer);
    clearInterval(this.pingTimer);
    this.pongBy = null;
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
