/** Keeps the screen on while it is looked at. The browser takes the lock away from a hidden page; coming back asks again. */
import { useEffect } from "preact/hooks";

/** Holds the lock until the function it gives is called. */
export function keepAwake(): () => void {
  if (!("wakeLock" in navigator)) return () => undefined;
  let lock: WakeLockSentinel | null = null;
  let asking = false;
  let over = false;
  const hold = async () => {
    if (over || asking || lock !== null || document.visibilityState !== "visible") return;
    asking = true;
    try {
      const got = await navigator.wakeLock.request("screen");
      if (over) return void (await got.release());
      lock = got;
      got.addEventListener("release", () => {
        lock = null;
        void hold();
      });
    } catch {
      // A phone that saves its battery says no: the screen goes dark as always.
    } finally {
      asking = false;
    }
  };
  const look = () => void hold();
  look();
  document.addEventListener("visibilitychange", look);
  return () => {
    over = true;
    document.removeEventListener("visibilitychange", look);
    void lock?.release().catch(() => undefined);
  };
}

export function useWakeLock(wanted: boolean): void {
  useEffect(() => (wanted ? keepAwake() : undefined), [wanted]);
}
