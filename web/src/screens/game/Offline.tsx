/** The network is away for longer than a blink: said near the card, with something to do meanwhile. */
import { useEffect, useState } from "preact/hooks";
import { useApp, useStrings } from "../../store";
import { Button } from "../../ui/Button";

const BLINK_MS = 4_000;

/** True once the connection has been away for longer than a blink. */
export function useLost(): boolean {
  const { connection } = useApp();
  const away = connection === "offline" || connection === "reconnecting";
  const [lost, setLost] = useState(false);
  useEffect(() => {
    if (!away) return setLost(false);
    const timer = setTimeout(() => setLost(true), BLINK_MS);
    return () => clearTimeout(timer);
  }, [away]);
  return away && (lost || connection === "offline");
}

export function Offline({ leafable, onLeaf }: { leafable: boolean; onLeaf: () => void }) {
  const words = useStrings().game;
  return (
    <section class="aside" role="status" data-testid="offline-note">
      <p class="aside-title">{words.offlineTitle}</p>
      <p>{leafable ? words.offlineBody : words.offlineFirst}</p>
      {leafable && (
        <Button testId="leaf" onClick={onLeaf}>
          {words.leaf}
        </Button>
      )}
    </section>
  );
}
