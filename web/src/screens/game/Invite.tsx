/** An invitation during the game: a line above the card and, on demand, the code and the square. The game stays where it is. */
import { goOnAlone } from "../../actions";
import { codeLetters, formatCode } from "../../pairing/code";
import { useApp } from "../../store";
import { Button } from "../../ui/Button";
import { useNow } from "../../ui/clock";
import { Sheet } from "../../ui/Sheet";
import { Invitation } from "../Waiting";

/** The offer while it is of use: this tab knows it, it has not run out, and nobody has taken it. */
function useOffer() {
  const { picture, offer } = useApp();
  const now = useNow(offer !== null);
  const left = offer ? (Date.parse(offer.expires_at) - now) / 1_000 : 0;
  return offer !== null && picture?.dual_status === "waiting" && left > 0 ? { offer, left } : null;
}

export function InviteBar({ onShow, onInvite }: { onShow: () => void; onInvite: () => void }) {
  const { picture, me, presence, strings, busy } = useApp();
  const good = useOffer();
  const words = strings.game;
  const status = picture?.dual_status;
  const back = picture?.members.some(
    (one) => one.present && one.participant_id !== me?.participant_id && presence[one.participant_id] === "online",
  );
  if (me?.role !== "A" || picture?.mode !== "dual" || back || (status !== "waiting" && status !== "expired")) return null;
  return (
    <section class="invite-bar" data-testid="inviting" data-status={good ? "waiting" : "expired"}>
      <p>
        {good ? `${words.inviting} ` : strings.waiting.expiredTitle}
        {good && <strong class="invite-code">{formatCode(codeLetters(good.offer.code))}</strong>}
      </p>
      <div class="invite-ways">
        {good ? (
          <Button testId="show-invite" kind="quiet" onClick={onShow}>
            {words.showCode}
          </Button>
        ) : (
          <Button testId="new-code" kind="quiet" busy={busy === "code"} onClick={onInvite}>
            {strings.waiting.newCode}
          </Button>
        )}
        <Button testId="stop-inviting" kind="quiet" busy={busy === "alone"} onClick={() => void goOnAlone()}>
          {strings.waiting.alone}
        </Button>
      </div>
    </section>
  );
}

export function InviteSheet({ onClose }: { onClose: () => void }) {
  const { strings } = useApp();
  const good = useOffer();
  return (
    <Sheet testId="invite-sheet" title={strings.waiting.title} close={strings.game.toCards} onClose={onClose}>
      {good ? (
        <>
          <p>{strings.waiting.body}</p>
          <Invitation offer={good.offer} left={good.left} />
        </>
      ) : (
        <p>{strings.game.inviteOver}</p>
      )}
    </Sheet>
  );
}
