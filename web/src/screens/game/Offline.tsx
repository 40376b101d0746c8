/** The network is away: said near the card, with something to do meanwhile. `WatchNetwork` says it aloud. */
import { useStrings } from "../../store";
import { Button } from "../../ui/Button";

export function Offline({ leafable, onLeaf }: { leafable: boolean; onLeaf: () => void }) {
  const words = useStrings().game;
  return (
    <section class="aside" data-testid="offline-note">
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
