import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { closeServer, connections, follower, log, openServer, page, pass, server, socket } from "./server";

beforeEach(openServer);
afterEach(closeServer);

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
