import { expect, test, vi } from "vitest";
import { Problem } from "../src/api/problems";
import type { EventPage } from "../src/api/types";
import { HUNG_MS } from "../src/realtime/patience";
import { Poller } from "../src/realtime/polling";

function world(answers: (EventPage | Problem)[]) {
  const asked: [number, number][] = [];
  const seen = {
    now: 0,
    cursor: 0,
    before: (): Promise<unknown> => Promise.resolve(),
    troubles: [] as string[],
    finals: [] as string[],
  };
  const done = vi.fn();
  const poller = new Poller(
    {
      cursor: () => seen.cursor,
      fetch: async (cursor, waitS, signal) => {
        asked.push([cursor, waitS]);
        const answer = answers.shift();
        if (answer === undefined) {
          done();
          return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        }
        if (answer instanceof Problem) throw answer;
        return answer;
      },
      onPage: async (page) => {
        await seen.before();
        seen.cursor = page.next_cursor;
      },
      onTrouble: (problem) => seen.troubles.push(problem.code),
      onFinal: (problem) => seen.finals.push(problem.code),
    },
    async () => undefined,
    () => seen.now,
  );
  return { poller, asked, seen, done };
}

const page = (next: number): EventPage => ({ events: [], next_cursor: next, epoch: "e" });

test("asks at once, then waits for news from its last cursor", async () => {
  const { poller, asked, done } = world([page(3), page(5)]);
  poller.start();
  await vi.waitFor(() => expect(done).toHaveBeenCalled());
  expect(asked).toEqual([
    [0, 0],
    [3, 20],
    [5, 20],
  ]);
  poller.stop();
  expect(poller.running).toBe(false);
});

test("after a failure it goes on from the same cursor, at once and without waiting", async () => {
  const { poller, asked, seen, done } = world([page(3), new Problem("offline", 0), page(3)]);
  poller.start();
  await vi.waitFor(() => expect(done).toHaveBeenCalled());
  expect(seen.troubles).toEqual(["offline"]);
  expect(asked.slice(1, 3)).toEqual([
    [3, 20],
    [3, 0],
  ]);
  poller.stop();
});

test("what a page leads to is over before the next question, and asked for again when it fails", async () => {
  const { poller, asked, seen, done } = world([page(3), page(3)]);
  seen.before = vi.fn().mockRejectedValueOnce(new Problem("offline", 0)).mockResolvedValueOnce(undefined);
  poller.start();
  await vi.waitFor(() => expect(done).toHaveBeenCalled());
  expect(seen.troubles).toEqual(["offline"]);
  expect(asked).toEqual([
    [0, 0],
    [0, 0],
    [3, 20],
  ]);
  poller.stop();
});

test("a refused credential ends it", async () => {
  const { poller, seen } = world([new Problem("credential_invalid", 401)]);
  poller.start();
  await vi.waitFor(() => expect(seen.finals).toEqual(["credential_invalid"]));
  expect(poller.running).toBe(false);
});

test("a question that has waited for a while is asked at once when in doubt, one that has not is left alone", async () => {
  const { poller, asked, seen, done } = world([page(1)]);
  poller.start();
  await vi.waitFor(() => expect(done).toHaveBeenCalledTimes(1));
  poller.probe();
  seen.now = HUNG_MS;
  poller.probe();
  await vi.waitFor(() => expect(done).toHaveBeenCalledTimes(2));
  seen.now = 2 * HUNG_MS;
  poller.probe();
  expect(asked.map(([, waitS]) => waitS)).toEqual([0, 20, 0]);
  poller.stop();
});

test("waking asks again right away, one question at a time", async () => {
  const { poller, asked, done } = world([page(1)]);
  poller.start();
  poller.start();
  await vi.waitFor(() => expect(done).toHaveBeenCalledTimes(1));
  poller.wake();
  await vi.waitFor(() => expect(done).toHaveBeenCalledTimes(2));
  expect(asked.map(([, waitS]) => waitS)).toEqual([0, 20, 0]);
  poller.stop();
});
