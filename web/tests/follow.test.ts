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

let server: Server;
let page: EventTarget;
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
});
afterEach(() => {
  follower.stop();
  vi.restoreAllMocks();
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
  await pass(5_000);
  expect(connections.at(-1)).toBe("live");
});

/** What the gateway takes of a participant in a minute, by whichever way. */
const A_MINUTE = 60;

test("a minute of taps on a polling phone stays well under its rate limit", async () => {
  server.socketsWork = false;
  follower.start();
  await pass(5_000);
  expect(connections.at(-1)).toBe("polling");
  const before = server.asked;
  for (let taps = 0; taps < 20; taps++) {
    page.dispatchEvent(new Event("pointerdown"));
    const done = follower.submit({ type: "set_ready", data: { ready: true } });
    await pass(3_000);
    await done;
  }
  expect(server.posted).toHaveLength(20);
  expect(server.asked - before).toBeLessThan(0.75 * A_MINUTE);
});

test("whoever only touches the page spends nothing of the rate limit on it", async () => {
  server.socketsWork = false;
  follower.start();
  await pass(5_000);
  const before = server.asked;
  for (let touches = 0; touches < 6; touches++) {
    page.dispatchEvent(new Event("pointerdown"));
    await pass(3_000);
  }
  expect(server.asked).toBe(before);
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

test("a polling phone goes on with another history at once: its numbers, its events, its commands", async () => {
  follower.start();
  await pass(10);
  for (const type of ["a", "b", "c", "d"]) socket().says({ type: "event", event: server.append(type) });
  server.events = server.events.slice(0, 2);
  server.epoch = "e2";
  server.socketsWork = false;
  socket().onclose?.({ code: 1006 });
  await pass(3_000);
  expect(connections.at(-1)).toBe("polling");
  expect(log?.lastSeq).toBe(2);
  server.append("both_ready");
  await pass(10);
  expect(log?.picture?.play.both_ready).toBe(true);
  await follower.submit({ type: "set_ready", data: { ready: true } });
  expect(server.posted).toHaveLength(1);
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
  await pass(5_000);
  expect(connections.at(-1)).toBe("live");
});

const NEXT = { type: "request_next", data: {} } as const;
const card = (position: number) => ({
  question_id: `q${position}`,
  position,
  size: 64,
  context: "exploring",
  set_version: 1,
  round: 1,
});
const commands = (one: FakeSocket) => one.sent.filter((frame) => frame["type"] === "command");

test("a wish for a card that was turned meanwhile is not sent, and is not waited for", async () => {
  server.append("question_shown", card(5));
  follower.start();
  await pass(10);
  socket().says({ type: "event", event: server.append("question_shown", card(6)) });
  server.socketsWork = false;
  server.httpWorks = false;
  socket().onclose?.({ code: 1006 });
  const done = follower.submit(NEXT);
  await pass(3_000);
  server.append("question_shown", card(7));
  server.append("question_shown", card(8));
  server.socketsWork = true;
  server.httpWorks = true;
  await pass(5_000);
  await done;
  expect(log?.picture?.play.question?.position).toBe(8);
  expect(connections.at(-1)).toBe("live");
  expect(server.sockets.flatMap(commands)).toEqual([]);
  expect(server.posted).toEqual([]);
});

test("what is still meant goes out once this phone has what it missed, and not before", async () => {
  follower.start();
  await pass(10);
  const done = follower.submit(NEXT);
  socket().onclose?.({ code: 1006 });
  const missed = server.append("something");
  server.silent = true;
  await pass(1_000);
  socket().says({ type: "hello", epoch: "e1", last_seq: 2, heartbeat_s: 25 });
  const another = follower.submit({ type: "set_ready", data: { ready: true } });
  expect(commands(socket())).toEqual([]);
  socket().says({ type: "event", event: missed });
  expect(commands(socket())).toHaveLength(2);
  socket().says({ type: "accepted", command_id: commands(socket())[0]?.["command_id"], last_seq: 2 });
  await done;
  follower.stop();
  await another;
});

test("what it missed and never got is fetched before a command goes out", async () => {
  follower.start();
  await pass(10);
  const done = follower.submit(NEXT);
  socket().onclose?.({ code: 1006 });
  server.append("something");
  server.silent = true;
  await pass(1_000);
  socket().says({ type: "hello", epoch: "e1", last_seq: 2, heartbeat_s: 25 });
  await pass(1_000);
  expect(socket().sent.at(-1)).toEqual({ type: "ping" });
  socket().says({ type: "pong", last_seq: 2 });
  await pass(10);
  expect(commands(socket())).toHaveLength(1);
  follower.stop();
  await done;
});

test("a network that dies without a word is noticed by a command that nobody answers", async () => {
  follower.start();
  await pass(10);
  server.silent = true;
  void follower.submit(NEXT);
  await pass(3_100);
  expect(socket().sent.at(-1)).toEqual({ type: "ping" });
  await pass(2_500);
  expect(connections.at(-1)).toBe("reconnecting");
});

test("an answer that nobody can read does not end a session that is on", async () => {
  follower.start();
  await pass(10);
  server.garbled = true;
  socket().says({ type: "resync", last_seq: 1, epoch: "e1" });
  await pass(1_000);
  expect(finals).toEqual([]);
  server.garbled = false;
  server.append("ready_changed", { id: "b" });
  await pass(5_000);
  expect(log?.picture?.play.ready).toEqual(["b"]);
});

test("whoever stops following is not kept waiting for an answer", async () => {
  follower.start();
  await pass(10);
  const done = follower.submit(NEXT);
  follower.stop();
  await expect(done).resolves.toBeUndefined();
});

function look(state: "visible" | "hidden"): void {
  Object.assign(document, { visibilityState: state });
  document.dispatchEvent(new Event("visibilitychange"));
}

test("a page that is hidden closes its socket, tries nothing, and is back at once with what it missed", async () => {
  follower.start();
  await pass(10);
  look("hidden");
  await pass(4_900);
  expect(socket().closed).toBe(false);
  await pass(100);
  expect(socket().closed).toBe(true);
  server.append("partner_joined", { participant_id: "b", role: "B" });
  page.dispatchEvent(new Event("online"));
  await pass(60_000);
  expect(server.sockets).toHaveLength(1);
  look("visible");
  await pass(10);
  expect(connections.at(-1)).toBe("live");
  expect(connections).not.toContain("reconnecting");
  expect(log?.picture?.members.map((one) => one.participant_id)).toEqual(["b"]);
});

test("a glance at another page changes nothing", async () => {
  follower.start();
  await pass(10);
  look("hidden");
  await pass(3_000);
  look("visible");
  await pass(10_000);
  expect(server.sockets).toHaveLength(1);
  expect(socket().closed).toBe(false);
});

test.each(["pagehide", "freeze"])("a page is away at once with %s, and comes back", async (name) => {
  follower.start();
  await pass(10);
  (name === "freeze" ? document : page).dispatchEvent(new Event(name));
  expect(socket().closed).toBe(true);
  page.dispatchEvent(new Event("pageshow"));
  await pass(10);
  expect(connections.at(-1)).toBe("live");
});

test("a page that polls and is hidden does not ask, and polls again when it is seen", async () => {
  server.socketsWork = false;
  follower.start();
  await pass(3_000);
  look("hidden");
  await pass(5_000);
  const before = server.asked;
  await pass(60_000);
  expect(server.asked).toBe(before);
  server.socketsHang = true;
  look("visible");
  await pass(10);
  expect(connections.at(-1)).toBe("polling");
});

test("a page that could not begin yet does not try while it is hidden", async () => {
  server.httpWorks = false;
  follower.start();
  look("hidden");
  await pass(10_000);
  const before = server.asked;
  page.dispatchEvent(new Event("online"));
  await pass(60_000);
  expect(server.asked).toBe(before);
  server.httpWorks = true;
  look("visible");
  await pass(10);
  expect(connections.at(-1)).toBe("live");
});

test("what brings a poll back brings the socket back", async () => {
  vi.spyOn(Math, "random").mockReturnValue(1);
  server.socketsWork = false;
  follower.start();
  await pass(3_000);
  server.httpWorks = false;
  page.dispatchEvent(new Event("online"));
  await pass(30_000);
  expect(connections.at(-1)).toBe("reconnecting");
  server.socketsHang = true;
  await pass(5_000);
  server.httpWorks = true;
  server.socketsHang = false;
  server.socketsWork = true;
  while (connections.at(-1) === "reconnecting") await pass(10);
  await pass(10);
  expect(connections.at(-1)).toBe("live");
});

test("a page that nobody looks at does not take the session back when the network returns", async () => {
  follower.start();
  await pass(10);
  socket().onclose?.({ code: 4409 });
  page.dispatchEvent(new Event("online"));
  look("hidden");
  page.dispatchEvent(new Event("online"));
  await pass(60_000);
  expect(server.sockets).toHaveLength(1);
  look("visible");
  await pass(10);
  expect(server.sockets).toHaveLength(2);
  expect(connections.at(-1)).toBe("live");
});

test("a touch makes sure of a connection that has been silent", async () => {
  follower.start();
  await pass(10);
  await pass(6_000);
  page.dispatchEvent(new Event("pointerdown"));
  expect(socket().sent.at(-1)).toEqual({ type: "ping" });
});
