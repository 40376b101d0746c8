/** The other phone, in words: here, away for a moment, away for so long that this one plays on alone, gone from the table, or unknown. */
import { useApp } from "../../store";
import { Button } from "../../ui/Button";
import { useSaid } from "../../ui/voice";
import type { Company } from "../company";

export function Partner({ us, onInvite }: { us: Company; onInvite: () => void }) {
  const { strings, busy } = useApp();
  const { ready, game, announce } = strings;
  const presence = us.partner === undefined ? "left" : (us.status ?? "unknown");
  const said = {
    left: ready.isLeft,
    away: ready.isAway,
    gone: ready.isGone,
    online: ready.isHere,
    unknown: null,
  };
  const alone = { gone: game.goneBody, left: us.mayInvite ? `${announce.left} ${game.leftBody}` : announce.left };
  useSaid(presence === "gone" || presence === "left" ? alone[presence] : null);
  return (
    <div class="partner">
      <p class="partner-line" data-testid="partner" data-presence={presence}>
        <span class={`dot dot-${presence}`} aria-hidden="true" />
        {said[presence] === null ? ready.partner : `${ready.partner}: ${said[presence]}`}
      </p>
      {presence === "gone" && (
        <p class="hint" data-testid="alone-for-now">
          {game.goneBody}
        </p>
      )}
      {presence === "left" && us.mayInvite && (
        <Button testId="invite-another" kind="quiet" busy={busy === "code"} needsNetwork onClick={onInvite}>
          {ready.inviteAgain}
        </Button>
      )}
    </div>
  );
}
