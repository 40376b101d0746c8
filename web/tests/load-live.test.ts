import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { AppState } from "../src/store";

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

async function load(needed: boolean, state: Partial<AppState> = {}): Promise<void> {
  const { loadLive } = await import("../src/load-live");
  const { update } = await import("../src/store");
  update(state);
  void loadLive(needed);
  await vi.advanceTimersByTimeAsync(30_000);
}

test("a page whose game does not come is loaded anew, and again if that did not help, but not at once", async () => {
  await load(true);
  expect(reload).toHaveBeenCalledTimes(1);
  vi.resetModules();
  await load(true);
  expect(reload).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(reload).toHaveBeenCalledTimes(2);
});

test("what was pressed, or a join link on its way, is not lost by a reload", async () => {
  await load(true, { busy: "join" });
  expect(reload).not.toHaveBeenCalled();
  const { update } = await import("../src/store");
  update({ busy: null, tableToken: "tok", table: null, route: { name: "table_problem" } });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(reload).not.toHaveBeenCalled();
  update({ route: { name: "session" } });
  await vi.advanceTimersByTimeAsync(10_000);
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

test("a file that failed once and comes after all needs no reload", async () => {
  await load(false);
  missing = false;
  await vi.advanceTimersByTimeAsync(5_000);
  const { live } = await import("../src/load-live");
  expect(live()).not.toBeNull();
  expect(reload).not.toHaveBeenCalled();
});
