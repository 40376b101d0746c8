/** The other phone, in words: here, away for a moment, away for so long that this one plays on alone, gone from the table, or unknown. */
import { useStrings } from "../../store";
import { useSaid } from "../../ui/voice";
import type { Company } from "../company";

export function Partner({ us }: { us: Company }) {
  const { ready, game, announce } = useStrings();
  const presence = us.partner === undefined ? "left" : (us.status ?? "unknown");
  const said = {
    left: ready.isLeft,
    away: ready.isAway,
    gone: ready.isGone,
    online: ready.isHere,
    unknown: null,
  };
  const alone = { gone: game.goneBody, left: `${announce.left} ${game.leftBody}` };
  useSaid(presence === "gone" || presence === "left" ? alone[presence] : null);
  return (
    <div class="partner">
      <p class="partner-line" data-testid="partner" data-presence={presence}>
        <span class={`dot dot-${presence}`} aria-hidden="true" />
        {said[presence] === null ? ready.partner : `${ready.partner}: ${said[presence]}`}
      </p>
      {(presence === "gone" || presence === "left") && (
        <p class="hint" data-testid="alone-for-now">
          {presence === "gone" ? game.goneBody : game.leftBody}
        </p>
      )}
    </div>
  );
}
