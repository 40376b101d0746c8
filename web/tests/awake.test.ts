import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { closeTable, open, openTable } from "./session";
import { picture } from "./table";

beforeEach(openTable);
afterEach(closeTable);

const HERE = picture().members.slice(0, 1);

test.each([
  ["at a card", picture(), 1],
  ["while the other gets ready", picture({ both_ready: false, question: null }), 1],
  [
    "while the square is scanned",
    picture({ both_ready: false, question: null }, { dual_status: "waiting", members: HERE }),
    1,
  ],
  ["after the last card", picture({ question: null, finished: true }), 0],
] as const)("the phone keeps its screen on: %s", async (_, seen, times) => {
  const request = vi.fn(() => new Promise(() => undefined));
  vi.stubGlobal("navigator", { wakeLock: { request } });
  vi.stubGlobal("location", { origin: "https://table.test" });
  await open({ picture: seen });
  expect(request).toHaveBeenCalledTimes(times);
});
