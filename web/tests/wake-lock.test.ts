import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { keepAwake } from "../src/ui/wake-lock";
import { openPage, page } from "./page";

class Lock extends EventTarget {
  released = false;

  async release(): Promise<void> {
    if (this.released) return;
    this.released = true;
    this.dispatchEvent(new Event("release"));
  }
}

let asked: ((lock: Lock | null) => void)[];
let locks: Lock[];

beforeEach(() => {
  openPage();
  asked = [];
  locks = [];
  const request = () =>
    new Promise<Lock>((resolve, reject) => {
      asked.push((lock) => (lock === null ? reject(new Error("battery")) : resolve(lock)));
    });
  vi.stubGlobal("navigator", { wakeLock: { request } });
});
afterEach(() => vi.unstubAllGlobals());

const settled = () => new Promise((resolve) => setTimeout(resolve));

async function granted(): Promise<Lock> {
  const lock = new Lock();
  locks.push(lock);
  asked.at(-1)?.(lock);
  await settled();
  return lock;
}

const look = () => page.dispatchEvent(new Event("visibilitychange"));

test("asks once, however often the page is looked at, and lets go of what it got", async () => {
  const stop = keepAwake();
  look();
  look();
  expect(asked).toHaveLength(1);
  await granted();
  look();
  expect(asked).toHaveLength(1);
  stop();
  await settled();
  expect(locks.map((one) => one.released)).toEqual([true]);
  expect(asked).toHaveLength(1);
});

test("asks again when the lock is taken away from a page that is still seen, and when a hidden one comes back", async () => {
  const stop = keepAwake();
  await (await granted()).release();
  expect(asked).toHaveLength(2);
  const lock = await granted();
  page.visibilityState = "hidden";
  await lock.release();
  expect(asked).toHaveLength(2);
  page.visibilityState = "visible";
  look();
  expect(asked).toHaveLength(3);
  stop();
  const late = await granted();
  expect(late.released).toBe(true);
});

test("a phone that says no is not asked again until somebody looks", async () => {
  const stop = keepAwake();
  asked.at(-1)?.(null);
  await settled();
  expect(asked).toHaveLength(1);
  look();
  expect(asked).toHaveLength(2);
  stop();
});
