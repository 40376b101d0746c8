import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { backoffMs } from "../src/realtime/backoff";
import { meaningOfClose, readFrame, type ServerFrame } from "../src/realtime/frames";
import { SessionSocket, type SocketLike, type SocketState, socketUrl } from "../src/realtime/socket";

class FakeSocket implements SocketLike {
  readyState = 0;
  sent: Record<string, unknown>[] = [];
  closed = false;
  onopen: SocketLike["onopen"] = null;
  onmessage: SocketLike["onmessage"] = null;
  onclose: SocketLike["onclose"] = null;
  send(data: string): void {
    this.sent.push(JSON.parse(data));
  }
  close(): void {
    this.closed = true;
  }
  opens(): void {
    this.readyState = 1;
    this.onopen?.({} as Event);
  }
  says(frame: Record<string, unknown>): void {
    this.onmessage?.({ data: JSON.stringify(frame) } as MessageEvent);
  }
  closes(code: number): void {
    this.readyState = 3;
    this.onclose?.({ code } as CloseEvent);
  }
}

const HELLO = {
  type: "hello",
  session_id: "s",
  participant_id: "a",
  role: "A",
  epoch: "e",
  last_seq: 4,
  heartbeat_s: 25,
};

function phone() {
  const sockets: FakeSocket[] = [];
  const states: [SocketState, number | null][] = [];
  const frames: ServerFrame[] = [];
  const socket = new SessionSocket(
    "ws://x/ws/sessions/s",
    {
      auth: () => ({ credential: "secret", last_seq: 4, epoch: "e" }),
      onFrame: (frame) => frames.push(frame),
      onState: (state, _failures, code) => states.push([state, code]),
    },
    () => {
      const one = new FakeSocket();
      sockets.push(one);
      return one;
    },
  );
  const latest = () => sockets[sockets.length - 1] as FakeSocket;
  const live = () => {
    latest().opens();
    latest().says(HELLO);
  };
  return { socket, sockets, states, frames, latest, live };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("the socket", () => {
  test("authenticates in its first message, from the last known event", () => {
    const { socket, latest, live } = phone();
    socket.start();
    live();
    expect(latest().sent[0]).toEqual({ type: "auth", credential: "secret", last_seq: 4, epoch: "e" });
    expect(socket.isOpen).toBe(true);
  });

  test("the address holds no secret", () => {
    expect(socketUrl("s", { protocol: "https:", host: "x" })).toBe("wss://x/ws/sessions/s");
    expect(socketUrl("s", { protocol: "http:", host: "x:80" })).toBe("ws://x:80/ws/sessions/s");
  });

  test("sends nothing before hello", () => {
    const { socket, latest } = phone();
    socket.start();
    latest().opens();
    expect(socket.send({ type: "ping" })).toBe(false);
    expect(latest().sent).toHaveLength(1);
  });

  test("pings every 25 s and gives a silent connection up", () => {
    const { socket, sockets, latest, live } = phone();
    socket.start();
    live();
    vi.advanceTimersByTime(25_000);
    expect(latest().sent.at(-1)).toEqual({ type: "ping" });
    latest().says({ type: "pong", last_seq: 4 });
    vi.advanceTimersByTime(25_000 + 10_000);
    expect(sockets[0]?.closed).toBe(true);
    vi.advanceTimersByTime(500);
    expect(sockets).toHaveLength(2);
  });

  test("backs off further with each failure and starts afresh after a hello", () => {
    const { socket, sockets, latest, live } = phone();
    socket.start();
    for (const wait of [500, 1_000, 2_000, 3_000]) {
      const before = sockets.length;
      latest().closes(1006);
      vi.advanceTimersByTime(wait - 1);
      expect(sockets).toHaveLength(before);
      vi.advanceTimersByTime(1);
      expect(sockets).toHaveLength(before + 1);
    }
    live();
    latest().closes(1012);
    vi.advanceTimersByTime(500);
    expect(sockets).toHaveLength(6);
  });

  test.each([4401, 4403, 4404, 4410])("does not come back after %i", (code) => {
    const { socket, sockets, states, latest, live } = phone();
    socket.start();
    live();
    latest().closes(code);
    vi.advanceTimersByTime(60_000);
    socket.wake();
    expect(sockets).toHaveLength(1);
    expect(states.at(-1)).toEqual(["final", code]);
  });

  test("steps aside for another tab until it is started anew, whatever the network does", () => {
    const { socket, sockets, states, latest, live } = phone();
    socket.start();
    live();
    latest().closes(4409);
    vi.advanceTimersByTime(60_000);
    expect(sockets).toHaveLength(1);
    expect(states.at(-1)?.[0]).toBe("replaced");
    socket.wake();
    expect(sockets).toHaveLength(1);
    socket.start();
    expect(sockets).toHaveLength(2);
  });

  test("comes back at once when the network or the page does", () => {
    const { socket, sockets, latest } = phone();
    socket.start();
    latest().closes(1006);
    socket.wake();
    expect(sockets).toHaveLength(2);
  });

  test("a try that has hung since before the network came back is begun anew", () => {
    const { socket, sockets } = phone();
    socket.start();
    vi.advanceTimersByTime(2_499);
    socket.wake();
    expect(sockets).toHaveLength(1);
    vi.advanceTimersByTime(1);
    socket.wake();
    expect(sockets).toHaveLength(2);
    expect(sockets[0]?.closed).toBe(true);
  });

  test("a page that woke up notices a dead socket within seconds", () => {
    const { socket, sockets, latest, live } = phone();
    socket.start();
    live();
    socket.wake();
    expect(latest().sent.at(-1)).toEqual({ type: "ping" });
    vi.advanceTimersByTime(2_500 + 500);
    expect(sockets).toHaveLength(2);
  });

  test("asking again and again gives a dead socket no more time", () => {
    const { socket, sockets, live } = phone();
    socket.start();
    live();
    for (let times = 0; times < 3; times++) {
      socket.probe();
      vi.advanceTimersByTime(1_000);
    }
    expect(sockets[0]?.sent.filter((frame) => frame["type"] === "ping")).toHaveLength(1);
    expect(sockets[0]?.closed).toBe(true);
  });

  test("a touch asks a socket that has been silent for a while, and no other", () => {
    const { socket, latest, live } = phone();
    socket.start();
    live();
    vi.advanceTimersByTime(4_999);
    socket.touch();
    expect(latest().sent).toHaveLength(1);
    vi.advanceTimersByTime(1);
    socket.touch();
    expect(latest().sent.at(-1)).toEqual({ type: "ping" });
  });

  test("started anew, it has not failed yet", () => {
    const { socket, sockets, latest } = phone();
    socket.start();
    for (const wait of [500, 1_000, 2_000]) {
      latest().closes(1006);
      vi.advanceTimersByTime(wait);
    }
    socket.stop();
    socket.start();
    latest().closes(1006);
    vi.advanceTimersByTime(500);
    expect(sockets).toHaveLength(6);
  });

  test("the network's return makes the next waits short again", () => {
    const { socket, sockets, latest } = phone();
    socket.start();
    for (const wait of [500, 1_000, 2_000]) {
      latest().closes(1006);
      vi.advanceTimersByTime(wait);
    }
    latest().closes(1006);
    socket.wake();
    latest().closes(1006);
    vi.advanceTimersByTime(500);
    expect(sockets).toHaveLength(6);
  });

  test("a try that was young when the network came back does not hang for long", () => {
    const { socket, sockets, latest } = phone();
    socket.start();
    for (const wait of [500, 1_000]) {
      latest().closes(1006);
      vi.advanceTimersByTime(wait);
    }
    vi.advanceTimersByTime(2_400);
    socket.wake();
    expect(sockets).toHaveLength(3);
    vi.advanceTimersByTime(2_500 + 500);
    expect(sockets).toHaveLength(4);
  });

  test("a network that swallows every try is tried often, and now and then with patience", () => {
    const { socket, sockets } = phone();
    socket.start();
    const waits = [];
    for (let tries = 1; tries < 5; tries++) {
      const since = Date.now();
      while (sockets.length === tries) vi.advanceTimersByTime(100);
      waits.push(Date.now() - since);
    }
    expect(waits).toEqual([3_500 + 500, 3_500 + 1_000, 8_000 + 2_000, 3_500 + 3_000]);
  });

  test("a server that never says hello is tried again", () => {
    const { socket, sockets, latest } = phone();
    socket.start();
    latest().opens();
    vi.advanceTimersByTime(8_000 + 500);
    expect(sockets).toHaveLength(2);
  });

  test("an old socket's late words are not heard", () => {
    const { socket, sockets, frames, latest, live } = phone();
    socket.start();
    live();
    const old = latest();
    const late = old.onmessage;
    old.closes(1006);
    socket.wake();
    late?.({ data: JSON.stringify({ type: "pong", last_seq: 9 }) } as MessageEvent);
    expect(sockets).toHaveLength(2);
    expect(frames.map((frame) => frame.type)).toEqual(["hello"]);
  });

  test("after stop nothing happens", () => {
    const { socket, sockets, live } = phone();
    socket.start();
    live();
    socket.stop();
    vi.advanceTimersByTime(120_000);
    expect(sockets).toHaveLength(1);
    expect(sockets[0]?.closed).toBe(true);
  });
});

test("frames nobody knows are passed over", () => {
  expect(readFrame("{}")).toBeNull();
  expect(readFrame("nonsense")).toBeNull();
  expect(readFrame('{"type":"applause"}')).toBeNull();
  expect(readFrame(new ArrayBuffer(1))).toBeNull();
  expect(readFrame('{"type":"pong","last_seq":3}')).toEqual({ type: "pong", last_seq: 3 });
});

test("every documented close code has its meaning; all others mean later", () => {
  for (const code of [4401, 4403, 4404, 4410]) expect(meaningOfClose(code)).toBe("final");
  expect(meaningOfClose(4409)).toBe("replaced");
  for (const code of [1001, 1006, 1012, 1013, 4408, 4413, 4429, 4508]) expect(meaningOfClose(code)).toBe("later");
});

test("waits are jittered and bounded", () => {
  expect(backoffMs(0, () => 0)).toBe(150);
  expect(backoffMs(2, () => 1)).toBe(2_000);
  expect(backoffMs(99, () => 1)).toBe(3_000);
});
