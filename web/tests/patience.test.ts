import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Problem } from "../src/api/problems";
import { HUNG_MS, Patience } from "../src/realtime/patience";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const hanging = (signal: AbortSignal) =>
  new Promise<string>((_, reject) => signal.addEventListener("abort", () => reject(new Error("stopped"))));

test("a wait ends early when the network is back", async () => {
  const patience = new Patience();
  const done = vi.fn();
  void patience.wait(5_000).then(done);
  await vi.advanceTimersByTimeAsync(100);
  expect(done).not.toHaveBeenCalled();
  patience.wake();
  await vi.advanceTimersByTimeAsync(0);
  expect(done).toHaveBeenCalledTimes(1);
});

test("a try that hangs is given up, one that has just begun is not", async () => {
  const patience = new Patience();
  const ended = vi.fn();
  patience.try(hanging).catch(ended);
  await vi.advanceTimersByTimeAsync(HUNG_MS - 1);
  patience.wake();
  await vi.advanceTimersByTimeAsync(0);
  expect(ended).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  patience.wake();
  await vi.advanceTimersByTimeAsync(0);
  expect(ended).toHaveBeenCalledWith(new Problem("offline", 0));
});

test("a try that was young when the network came back has only so much time left", async () => {
  const patience = new Patience();
  const ended = vi.fn();
  patience.try(hanging).catch(ended);
  await vi.advanceTimersByTimeAsync(1_000);
  patience.wake();
  await vi.advanceTimersByTimeAsync(HUNG_MS);
  expect(ended).toHaveBeenCalledTimes(1);
});

test("what was given up is tried again without a wait", async () => {
  const patience = new Patience();
  patience.try(hanging).catch(() => undefined);
  await vi.advanceTimersByTimeAsync(HUNG_MS);
  patience.wake();
  const done = vi.fn();
  void patience.wait(5_000).then(done);
  await vi.advanceTimersByTimeAsync(0);
  expect(done).toHaveBeenCalledTimes(1);
});

test("while nobody looks, a wait does not end", async () => {
  const patience = new Patience();
  const done = vi.fn();
  patience.sleep();
  void patience.wait(1_000).then(done);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(done).not.toHaveBeenCalled();
  patience.wake();
  await vi.advanceTimersByTimeAsync(0);
  expect(done).toHaveBeenCalledTimes(1);
});

test("what succeeded is not stopped afterwards", async () => {
  const patience = new Patience();
  await expect(patience.try(async () => "card")).resolves.toBe("card");
  await vi.advanceTimersByTimeAsync(HUNG_MS * 2);
  patience.wake();
});
