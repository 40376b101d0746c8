import { afterEach, beforeEach, expect, test } from "vitest";
import { closeServer, connections, follower, log, openServer, page, pass, server, socket } from "./server";

beforeEach(openServer);
afterEach(closeServer);

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
