/**
 * The cards of this evening, to read again while there is no network; after a reload, the last of them until the game is
 * there. Nothing here asks anything of the server.
 */
import { useState } from "preact/hooks";
import { cardKey, sameCard } from "../../session/dealt";
import { textOf } from "../../session/questions";
import { useApp } from "../../store";
import { Button } from "../../ui/Button";
import { useLost } from "../../ui/lost";
import { useRest } from "../../ui/rest";
import { Back, Shell } from "../../ui/Shell";
import { useSwipe } from "../../ui/swipe";
import { CardFace } from "./CardFace";
import { ChoicesRead } from "./ChoicesRead";

export function Dealt({ onBack }: { onBack?: () => void }) {
  const { dealt, sets, language, strings, picture } = useApp();
  const words = strings.game;
  const [at, setAt] = useState(() => {
    const open = picture?.play.question;
    const place = open ? dealt.findIndex((one) => sameCard(one, open)) : -1;
    if (place === -1) return dealt.length - 1;
    // The open card was just before the guest's eyes.
    return place > 0 ? place - 1 : Math.min(1, dealt.length - 1);
  });
  const [hinted, setHinted] = useState<string | null>(null);
  const lost = useLost();
  const card = dealt[at];
  const go = (to: number) => lost && dealt[to] !== undefined && setAt(to);
  const swipe = useSwipe<HTMLDivElement>((direction) => go(direction === "left" ? at + 1 : at - 1));
  const resting = useRest(String(at));
  if (card === undefined) return null;
  const text = textOf(sets, card, language);
  return (
    <Shell stage={{ left: "here", right: "here", slim: true }}>
      {onBack && <Back onClick={onBack} />}
      {lost && (
        <p class="hint" data-testid="screen-dealt">
          {words.dealtNote}
        </p>
      )}
      <div class="card-place" ref={swipe}>
        <CardFace
          key={at}
          card={{ ...card, hint_revealed: card.hint_revealed || hinted === cardKey(card) }}
          text={text}
          resting={resting}
          onHint={() => setHinted(cardKey(card))}
        />
        {text && <ChoicesRead question={text.question} lang={text.language} />}
      </div>
      {lost && (
        <div class="controls">
          <fieldset class="moves moves-two" aria-label={words.moves}>
            <Button testId="leaf-earlier" disabled={at === 0} resting={resting} onClick={() => go(at - 1)}>
              {words.earlier}
            </Button>
            <Button testId="leaf-later" disabled={at === dealt.length - 1} resting={resting} onClick={() => go(at + 1)}>
              {words.later}
            </Button>
          </fieldset>
        </div>
      )}
    </Shell>
  );
}
