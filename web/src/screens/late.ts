import { useEffect, useState } from "preact/hooks";

/** What needs nobody's consent has happened by then. */
const AT_ONCE_MS = 2_000;

/**
 * True once `what`, which was to happen at once, has not. The rules count a phone that polls, of which presence may
 * still say that it is gone: they may be waiting for it after all. Null while nothing is waited for.
 */
export function useLate(what: string | null): boolean {
  const [late, setLate] = useState<string | null>(null);
  useEffect(() => {
    setLate(null);
    if (what === null) return;
    const timer = setTimeout(() => setLate(what), AT_ONCE_MS);
    return () => clearTimeout(timer);
  }, [what]);
  return what !== null && late === what;
}
