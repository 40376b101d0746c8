/** An invitation during the game: a line above the card and, on demand, the code and the square. The game stays where it is. */

import { codeLetters, formatCode } from "../../pairing/code";
import { newCode } from "../../playing";
import { useApp } from "../../store";
import { Button } from "../../ui/Button";
import { Sheet } from "../../ui/Sheet";
import { Alone } from "../Alone";
import type { Company } from "../company";
import { useOffer } from "../offer";
import { Invitation } from "../Waiting";

export function InviteBar({ onShow }: { onShow: () => void }) {
  const { strings } = useApp();
  const { good, reason } = useOffer();
  return (
    <button
      type="button"
      class="invite-bar"
      data-testid="inviting"
      data-status={good ? "waiting" : reason}
      aria-haspopup="dialog"
      onClick={onShow}
    >
      {good ? (
        <>
          <span>{strings.game.inviting}</span> <strong>{formatCode(codeLetters(good.offer.code))}</strong>
        </>
      ) : (
        <span>{strings.waiting[`${reason}Title`]}</span>
      )}
    </button>
  );
}

export function InviteSheet({ us, onClose }: { us: Company; onClose: () => void }) {
  const { strings, busy } = useApp();
  const { good, reason } = useOffer();
  const words = strings.waiting;
  const title = good ? words.title : words[`${reason}Title`];
  return (
    <Sheet testId="invite-sheet" title={title} close={strings.game.toCards} onClose={onClose}>
      <p>{good ? words.body : words[`${reason}Body`]}</p>
      {good ? (
        <Invitation offer={good.offer} left={good.left} />
      ) : (
        <Button testId="new-code" kind="primary" busy={busy === "code"} needsNetwork onClick={() => void newCode()}>
          {words.newCode}
        </Button>
      )}
      <Alone testId="stop-inviting" us={us} onDone={onClose} />
    </Sheet>
  );
}
