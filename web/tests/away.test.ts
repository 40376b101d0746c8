import { h } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Loading } from "../src/screens/Away";
import { update } from "../src/store";
import { act, closePage, maybe, openPage, press, show } from "./page";

const reload = vi.fn();
let online: boolean;

beforeEach(() => {
  vi.useFakeTimers();
  openPage();
  reload.mockClear();
  online = true;
  vi.stubGlobal("location", { pathname: "/t/tok", reload });
  vi.stubGlobal("fetch", async () => {
    if (!online) throw new TypeError("network");
    return new Response("");
  });
  update({ route: { name: "session" } });
});
afterEach(async () => {
  await closePage();
  vi.useRealTimers();
});

const pass = (ms: number) => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));

test("a game that does not come can be asked for once more", async () => {
  await show(h(Loading, {}));
  await pass(3_000);
  expect(maybe("load-again")).toBeUndefined();
  await pass(5_000);
  await press("load-again");
  await pass(0);
  expect(reload).toHaveBeenCalledTimes(1);
});

test("without a network asking once more does not lose the page", async () => {
  await show(h(Loading, {}));
  await pass(8_000);
  online = false;
  await press("load-again");
  await pass(0);
  expect(reload).not.toHaveBeenCalled();
  expect(maybe("load-again")).toBeDefined();
});
