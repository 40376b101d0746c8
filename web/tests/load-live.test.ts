import { afterEach, beforeEach, expect, test, vi } from "vitest";

let missing: boolean;
let online: boolean;
const reload = vi.fn();
const kept = new Map<string, string>();

vi.mock("../src/live", () => {
  if (missing) throw new TypeError("no such file");
  return { Session: () => null, SessionFollower: class {} };
});

beforeEach(() => {
  vi.useFakeTimers();
  vi.resetModules();
  reload.mockClear();
  kept.clear();
  missing = true;
  online = true;
  vi.stubGlobal("location", { pathname: "/t/tok", reload });
  vi.stubGlobal("sessionStorage", {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => kept.set(name, value),
    removeItem: (name: string) => kept.delete(name),
  });
  vi.stubGlobal("fetch", async () => {
    if (!online) throw new TypeError("network");
    return new Response("");
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function load(needed: boolean): Promise<void> {
  const { loadLive } = await import("../src/load-live");
  void loadLive(needed);
  await vi.advanceTimersByTimeAsync(30_000);
}

test("a page whose files are gone from the server is loaded anew, once", async () => {
  await load(true);
  expect(reload).toHaveBeenCalledTimes(1);
  vi.resetModules();
  await load(true);
  expect(reload).toHaveBeenCalledTimes(1);
});

test("a page that nobody waits in is left alone", async () => {
  await load(false);
  expect(reload).not.toHaveBeenCalled();
});

test("without a network the page stays, which could not be loaded either", async () => {
  online = false;
  await load(true);
  expect(reload).not.toHaveBeenCalled();
});

test("once it helped, a later release may be met the same way", async () => {
  await load(true);
  missing = false;
  vi.resetModules();
  await load(true);
  expect(kept.size).toBe(0);
});
