/** Waits between tries: doubling from half a second to 15 s, each with full jitter so that a room of phones spreads out. */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(500 * 2 ** Math.min(attempt, 10), 15_000);
  return Math.round(ceiling * (0.3 + 0.7 * random()));
}
