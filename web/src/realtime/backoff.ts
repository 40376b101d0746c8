import type { Problem } from "../api/problems";

/**
 * Waits between tries: doubling from half a second to 3 s, jittered so that a room of phones spreads out. No longer: a guest
 * looks at the screen meanwhile, and is back within 5 s of the end of an outage, of which the browser may say nothing.
 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(500 * 2 ** Math.min(attempt, 10), 3_000);
  return Math.round(ceiling * (0.3 + 0.7 * random()));
}

/** After `problem`: longer where the server asks for it. */
export function retryInMs(attempt: number, { retryAfter }: Problem): number {
  return Math.max(backoffMs(attempt), (retryAfter ?? 0) * 1_000);
}
