import { expect, test } from "vitest";
import { Problem } from "../src/api/problems";
import { CommandQueue, DOUBT_AFTER_MS, GIVE_UP_AFTER_MS, RESEND_AFTER_MS } from "../src/session/commands";

const READY = { type: "set_ready", data: { ready: true } } as const;

function queue() {
  const world = { now: 0, open: true, sent: [] as string[], next: 0 };
  const commands = new CommandQueue(
    (pending) => {
      if (world.open) world.sent.push(pending.id);
      return world.open;
    },
    () => world.now,
    () => `id-${++world.next}`,
  );
  return { world, commands };
}

test("a command is sent again with its own id until it is answered", async () => {
  const { world, commands } = queue();
  const done = commands.submit(READY);
  world.now = RESEND_AFTER_MS - 1;
  commands.tick();
  expect(world.sent).toEqual(["id-1"]);
  world.now = RESEND_AFTER_MS;
  commands.tick();
  commands.resend();
  expect(world.sent).toEqual(["id-1", "id-1", "id-1"]);
  commands.acknowledge("id-1");
  await done;
  commands.tick();
  expect(commands.pending).toEqual([]);
});

test("without a way to the server it waits, and goes out when one opens", async () => {
  const { world, commands } = queue();
  world.open = false;
  const done = commands.submit(READY);
  expect(world.sent).toEqual([]);
  world.open = true;
  commands.resend();
  expect(world.sent).toEqual(["id-1"]);
  commands.acknowledge("id-1");
  await done;
});

test("a refusal by the rules ends it, one by the circumstances does not", async () => {
  const { world, commands } = queue();
  const done = commands.submit(READY);
  commands.refuse("id-1", new Problem("unavailable", 503, 2));
  world.now = 1_999;
  commands.tick();
  expect(world.sent).toHaveLength(1);
  world.now = 2_000;
  commands.tick();
  expect(world.sent).toHaveLength(2);
  commands.refuse("id-1", new Problem("not_allowed", 409));
  await expect(done).rejects.toMatchObject({ code: "not_allowed" });
});

test("somebody else's answers and answers without an id change nothing", () => {
  const { commands } = queue();
  void commands.submit(READY);
  commands.acknowledge(null);
  commands.acknowledge("other");
  commands.refuse(null, new Problem("not_allowed", 409));
  commands.refuse("other", new Problem("not_allowed", 409));
  expect(commands.pending).toHaveLength(1);
});

test("after a minute without an answer the guest is told", async () => {
  const { world, commands } = queue();
  const done = commands.submit(READY);
  world.now = GIVE_UP_AFTER_MS;
  commands.tick();
  await expect(done).rejects.toMatchObject({ code: "unanswered" });
});

test("after two seconds without an answer the way to the server is in doubt, until it answers or is tried anew", () => {
  const { world, commands } = queue();
  void commands.submit(READY);
  world.now = DOUBT_AFTER_MS - 1;
  expect(commands.doubtful).toBe(false);
  world.now = DOUBT_AFTER_MS;
  expect(commands.doubtful).toBe(true);
  commands.resend();
  expect(commands.doubtful).toBe(false);
  commands.refuse("id-1", new Problem("unavailable", 503, 10));
  world.now += DOUBT_AFTER_MS;
  expect(commands.doubtful).toBe(false);
});

test("a command that never went out doubts nothing", () => {
  const { world, commands } = queue();
  world.open = false;
  void commands.submit(READY);
  world.now = DOUBT_AFTER_MS;
  expect(commands.doubtful).toBe(false);
});

test("what is not meant any more is silently done with, the rest stays", async () => {
  const { commands } = queue();
  let over = false;
  const done = commands.submit(READY, () => over);
  void commands.submit(READY);
  commands.settleWhatIsOver();
  expect(commands.pending).toHaveLength(2);
  over = true;
  commands.settleWhatIsOver();
  await done;
  expect(commands.pending.map((one) => one.id)).toEqual(["id-2"]);
});

test("the end of the session answers everything", async () => {
  const { commands } = queue();
  const done = commands.submit(READY);
  commands.drop(new Problem("session_closed", 410));
  await expect(done).rejects.toMatchObject({ code: "session_closed" });
});
