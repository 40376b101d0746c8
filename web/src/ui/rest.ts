import { useEffect, useRef, useState } from "preact/hooks";

/** Long enough that the second half of a double tap, meant for what was there before, does not count. */
const REST_MS = 300;

/** True for a moment after `what` has changed. */
export function useRest(what: string): boolean {
  const [resting, setResting] = useState(false);
  const before = useRef(what);
  const changed = before.current !== what;
  useEffect(() => {
    if (before.current === what) return;
    before.current = what;
    setResting(true);
    const timer = setTimeout(() => setResting(false), REST_MS);
    return () => clearTimeout(timer);
  }, [what]);
  return resting || changed;
}
