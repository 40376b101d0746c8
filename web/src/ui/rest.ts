import { useEffect, useState } from "preact/hooks";

/** Long enough that the second half of a double tap, meant for what was there before, does not count. */
export const REST_MS = 300;

/** True for a moment after `what` has appeared or changed. */
export function useRest(what: string): boolean {
  const [rested, setRested] = useState<string | null>(null);
  useEffect(() => {
    setRested(null);
    const timer = setTimeout(() => setRested(what), REST_MS);
    return () => clearTimeout(timer);
  }, [what]);
  return rested !== what;
}
