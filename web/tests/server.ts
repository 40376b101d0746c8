/** A server of one session, and a phone that follows it there. */
import { vi } from "vitest";
import type { LogEvent, SessionState } from "../src/api/types";
import { type Connection, SessionFollower } from "../src/realtime/follow";
import type { SavedSession } from "../src/session/credentials";
import type { SessionLog } from "../src/session/log";
import { NEW_PLAY } from "../src/session/play";

const SAVED: SavedSession = {
  table_token: "tok",
  session_id: "s1",
  participant_id: "a",
  role: "A",
  credential: "secret",
  expires_at: "2030-01-01T00:00:00Z",
};

/** A server of one session: its log, its history's name, and which ways to it are open. */
class Server {
  events: LogEvent[] = [];
  epoch = "e1";
  sockets: FakeSocket[] = [];
  socketsWork = true;
  httpWorks = true;
  socketsHang = false;
  /** Sockets open, and nobody says anything. */
  silent = false;
  garbled = false;
  asked = 0;
  posted: { idempotency_key: string }[] = [];
  /** Long-polls, answered by the next event. */
  private waiting: (() => void)[] = [];

  constructor() {
    this.append("session_created", {
      session_id: "s1",
      mode: "dual",
      participant_id: "a",
      role: "A",
      context: "exploring",
    });
  }

  append(type: string, data: Record<string, unknown> = {}, commandId: string | null = null): LogEvent {
    const event = {
      seq: this.events.length + 1,
      type,
      data,
      at: "2026-01-01T00:00:00Z",
      by: "b",
      command_id: commandId,
    };
    this.events.push(event);
    for (const answer of this.waiting.splice(0)) answer();
    return event;
  }

  private state(): SessionState {
    const ready = this.events
      .filter((event) => event.type === "ready_changed")
      .map((event) => String(event.data["id"]));
    return {
      session_id: "s1",
      table_number: "7",
      mode: "dual",
      state: this.events.some((event) => event.type === "session_closed") ? "closed" : "browsing",
      dual_status: "paired",
      context: "exploring",
      members: [],
      play: { ...NEW_PLAY, ready },
      pairing: null,
      end_reason: null,
    };
  }

  async answer(path: string, init: RequestInit): Promise<Response> {
    this.asked += 1;
    if (!this.httpWorks) throw new TypeError("network");
    if (this.garbled) return new Response("<html>");
    const url = new URL(path, "http://x");
    const reply = (body: unknown) => new Response(JSON.stringify(body));
    if (url.pathname.endsWith("/snapshot")) {
      return reply({ session_id: "s1", last_seq: this.events.length, state: this.state() });
    }
    if (init.method === "POST") {
      const body = JSON.parse(String(init.body));
      this.posted.push(body);
      const event = this.append("ready_changed", { participant_id: "a", ready: true }, body.idempotency_key);
      return reply({ events: [event], last_seq: event.seq, replayed: false });
    }
    const cursor = Number(url.searchParams.get("cursor"));
    const news = () => {
      const events = this.events.filter((event) => event.seq > cursor);
      return reply({ events, next_cursor: events.at(-1)?.seq ?? cursor, epoch: this.epoch });
    };
    if (cursor >= this.events.length && url.searchParams.get("wait") !== "0") {
      return new Promise((resolve, reject) => {
        init.signal?.addEventListener("abort", () => reject(new TypeError("aborted")));
        this.waiting.push(() => resolve(news()));
      });
    }
    return news();
  }
}

export class FakeSocket {
  static server: Server;
  readyState = 0;
  sent: Record<string, unknown>[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  constructor() {
    const { server } = FakeSocket;
    server.sockets.push(this);
    queueMicrotask(() => {
      if (server.socketsHang) return;
      if (!server.socketsWork) return this.onclose?.({ code: 1006 });
      this.readyState = 1;
      this.onopen?.();
    });
  }
  send(text: string): void {
    const frame = JSON.parse(text);
    this.sent.push(frame);
    const { server } = FakeSocket;
    if (server.silent) return;
    if (frame.type === "ping") queueMicrotask(() => this.says({ type: "pong", last_seq: server.events.length }));
    if (frame.type !== "auth") return;
    this.says({ type: "hello", epoch: server.epoch, last_seq: server.events.length, heartbeat_s: 25 });
    for (const event of server.events) if (event.seq > frame.last_seq) this.says({ type: "event", event });
  }
  says(frame: Record<string, unknown>): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  closed = false;
  close(): void {
    this.closed = true;
  }
}

export let server: Server;
export let page: EventTarget;
export let follower: SessionFollower;
export let log: SessionLog | null;
export let connections: Connection[];
export let finals: string[];

/** Call before each test. */
export function openServer(): void {
  vi.useFakeTimers();
  server = FakeSocket.server = new Server();
  log = null;
  connections = [];
  finals = [];
  page = new EventTarget();
  vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }));
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
  vi.stubGlobal("location", { protocol: "http:", host: "x" });
  vi.stubGlobal("navigator", { onLine: true });
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => server.answer(path, init));
  follower = new SessionFollower(SAVED, {
    onLog: (next) => {
      log = next;
    },
    onConnection: (connection) => connections.push(connection),
    onPresence: () => undefined,
    onFinal: (problem) => finals.push(problem.code),
  });
}

/** Call after each test. */
export function closeServer(): void {
  follower.stop();
  vi.restoreAllMocks();
  vi.useRealTimers();
  vi.unstubAllGlobals();
}

export const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
export const socket = () => server.sockets.at(-1) as FakeSocket;
