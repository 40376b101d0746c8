import { afterEach, beforeEach, expect, test } from "vitest";
import { closeServer, connections, type FakeSocket, follower, log, openServer, pass, server, socket } from "./server";

beforeEach(openServer);
afterEach(closeServer);

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

test("whoever stops following is not kept waiting for an answer", async () => {
  follower.start();
  await pass(10);
  const done = follower.submit(NEXT);
  follower.stop();
  await expect(done).resolves.toBeUndefined();
});
