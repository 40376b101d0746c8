/**
 * Waits between tries: doubling from half a second to 5 s, jittered so that a room of phones spreads out. No longer: a guest
 * looks at the screen meanwhile, and is back within seconds of the end of an outage.
 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(500 * 2 ** Math.min(attempt, 10), 5_000);
  return Math.round(ceiling * (0.3 + 0.7 * random()));
}
