/** A phone inside its session: what is seen, heard and pressed there. */
import { Fragment, h } from "preact";
import { vi } from "vitest";
import { Session } from "../src/screens/Session";
import { REST_MS } from "../src/ui/rest";
import { Voice } from "../src/ui/voice";
import { act, closePage, openPage, show } from "./page";
import { FakeStorage } from "./storage";
import { sitDown } from "./table";

/** Call before each test. */
export function openTable(): void {
  vi.useFakeTimers();
  openPage();
  vi.stubGlobal("sessionStorage", new FakeStorage());
  vi.clearAllMocks();
}

/** Call after each test. */
export async function closeTable(): Promise<void> {
  await closePage();
  vi.useRealTimers();
}

export const passes = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms).then(() => undefined));

/** Phone A at a card, with this and that otherwise, when buttons have begun to take presses. */
export async function open(change: Parameters<typeof sitDown>[0] = {}): Promise<void> {
  sitDown(change);
  await show(h(Fragment, null, h(Session, null), h(Voice, null)));
  await passes(REST_MS + 50);
}
