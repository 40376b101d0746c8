import { afterEach, beforeEach, expect, test, vi } from "vitest";
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
  posted: { idempotency_key: string }[] = [];

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
    if (!this.httpWorks) throw new TypeError("network");
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
    const news = this.events.filter((event) => event.seq > cursor);
    if (news.length === 0 && url.searchParams.get("wait") !== "0") {
      return new Promise((_, reject) => init.signal?.addEventListener("abort", () => reject(new TypeError("aborted"))));
    }
    return reply({ events: news, next_cursor: this.events.length, epoch: this.epoch });
  }
}

class FakeSocket {
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
      if (!server.socketsWork) return this.onclose?.({ code: 1006 });
      this.readyState = 1;
      this.onopen?.();
    });
  }
  send(text: string): void {
    const frame = JSON.parse(text);
    this.sent.push(frame);
    const { server } = FakeSocket;
    if (frame.type !== "auth") return;
    this.says({ type: "hello", epoch: server.epoch, last_seq: server.events.length, heartbeat_s: 25 });
    for (const event of server.events) if (event.seq > frame.last_seq) this.says({ type: "event", event });
  }
  says(frame: Record<string, unknown>): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  close(): void {}
}

let server: Server;
let follower: SessionFollower;
let log: SessionLog | null;
let connections: Connection[];
let finals: string[];

beforeEach(() => {
  vi.useFakeTimers();
  server = FakeSocket.server = new Server();
  log = null;
  connections = [];
  finals = [];
  const page = new EventTarget();
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
});
afterEach(() => {
  follower.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const socket = () => server.sockets.at(-1) as FakeSocket;

test("takes the snapshot, then goes on from it over the socket", async () => {
  follower.start();
  await pass(10);
  expect(socket().sent[0]).toEqual({ type: "auth", credential: "secret", last_seq: 1 });
  expect(connections.at(-1)).toBe("live");
  socket().says({ type: "event", event: server.append("both_ready") });
  expect(log?.lastSeq).toBe(2);
});

test("fetches what the live feed lost", async () => {
  follower.start();
  await pass(10);
  server.append("both_ready");
  socket().says({ type: "event", event: server.append("something") });
  await pass(10);
  expect(log?.lastSeq).toBe(3);
  expect(log?.picture?.play.both_ready).toBe(true);
  server.append("last before silence");
  socket().says({ type: "pong", last_seq: 4 });
  await pass(10);
  expect(log?.lastSeq).toBe(4);
});

test("polls when sockets fail, sends commands by HTTP, and returns to the socket", async () => {
  server.socketsWork = false;
  follower.start();
  await pass(3_000);
  expect(connections.at(-1)).toBe("polling");
  const done = follower.submit({ type: "set_ready", data: { ready: true } });
  await pass(10);
  await done;
  expect(server.posted).toHaveLength(1);
  expect(log?.picture?.play.ready).toEqual(["a"]);
  server.socketsWork = true;
  await pass(20_000);
  expect(connections.at(-1)).toBe("live");
});

test("an unanswered command goes out again on the next socket, with its own id", async () => {
  follower.start();
  await pass(10);
  const done = follower.submit({ type: "set_ready", data: { ready: true } });
  const first = socket();
  const id = first.sent.at(-1)?.["command_id"];
  first.onclose?.({ code: 1012 });
  await pass(1_000);
  expect(socket()).not.toBe(first);
  expect(socket().sent.at(-1)).toMatchObject({ type: "command", command_id: id });
  socket().says({ type: "accepted", command_id: id, last_seq: 1 });
  await done;
});

test("a refusal over the socket reaches whoever asked", async () => {
  follower.start();
  await pass(10);
  const done = follower.submit({ type: "set_ready", data: { ready: true } });
  const id = socket().sent.at(-1)?.["command_id"];
  socket().says({
    type: "rejected",
    command_id: id,
    problem: { code: "not_allowed", status: 409, reason: "partner_missing" },
  });
  await expect(done).rejects.toMatchObject({ code: "not_allowed", reason: "partner_missing" });
});

test("another history is taken whole, and events of it that came meanwhile are kept", async () => {
  follower.start();
  await pass(10);
  for (const type of ["a", "b", "c"]) socket().says({ type: "event", event: server.append(type) });
  expect(log?.lastSeq).toBe(4);
  server.events = server.events.slice(0, 1);
  server.epoch = "e2";
  socket().says({ type: "resync", last_seq: 1, epoch: "e2" });
  socket().says({ type: "event", event: { ...(server.events[0] as LogEvent), seq: 2, type: "both_ready" } });
  await pass(10);
  expect(log?.lastSeq).toBe(2);
  expect(log?.picture?.play.both_ready).toBe(true);
});

test("the end stops everything", async () => {
  follower.start();
  await pass(10);
  const done = follower.submit({ type: "set_ready", data: { ready: true } });
  socket().says({ type: "event", event: server.append("session_closed", { reason: "ended_by_guest" }) });
  await expect(done).rejects.toMatchObject({ code: "session_closed" });
  await pass(60_000);
  expect(server.sockets).toHaveLength(1);
  expect(connections.at(-1)).toBe("ended");
  expect(finals).toEqual([]);
});

test("a socket closed with 4410 reads the end from the snapshot", async () => {
  follower.start();
  await pass(10);
  server.append("session_closed", { reason: "staff" });
  socket().onclose?.({ code: 4410 });
  await pass(10);
  expect(log?.picture?.state).toBe("closed");
  expect(finals).toEqual([]);
});

test("a phone that may not go on is told why", async () => {
  follower.start();
  await pass(10);
  socket().onclose?.({ code: 4403 });
  expect(finals).toEqual(["not_a_participant"]);
});

test("without a network it says so and begins when there is one", async () => {
  server.httpWorks = false;
  follower.start();
  await pass(10_000);
  expect(connections.at(-1)).toBe("reconnecting");
  server.httpWorks = true;
  await pass(20_000);
  expect(connections.at(-1)).toBe("live");
});
