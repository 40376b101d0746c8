/** Something to do while the network is away, as the line at the top says; `WatchNetwork` says it aloud. */
import { useStrings } from "../../store";
import { Button } from "../../ui/Button";

export function Offline({ leafable, onLeaf }: { leafable: boolean; onLeaf: () => void }) {
  const words = useStrings().game;
  return (
    <section class="aside aside-brief" data-testid="offline-note">
      <p>{leafable ? words.offlineBody : words.offlineFirst}</p>
      {leafable && (
        <Button testId="leaf" kind="quiet" onClick={onLeaf}>
          {words.leaf}
        </Button>
      )}
    </section>
  );
}
