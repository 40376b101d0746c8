import { afterEach, beforeEach, expect, test } from "vitest";
import type { LogEvent } from "../src/api/types";
import { closeServer, connections, finals, follower, log, openServer, pass, server, socket } from "./server";

beforeEach(openServer);
afterEach(closeServer);

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
  await pass(5_000);
  expect(connections.at(-1)).toBe("live");
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
