/** The cards of this evening, to read again while there is no network. Nothing here asks anything of the server. */
import { useState } from "preact/hooks";
import { sameCard } from "../../session/dealt";
import { textOf } from "../../session/questions";
import { useApp } from "../../store";
import { Button } from "../../ui/Button";
import { useRest } from "../../ui/rest";
import { Back, Shell } from "../../ui/Shell";
import { useSwipe } from "../../ui/swipe";
import { CardFace } from "./CardFace";

export function Dealt({ onBack }: { onBack?: () => void }) {
  const { dealt, sets, language, strings, picture } = useApp();
  const words = strings.game;
  const [at, setAt] = useState(() => {
    const open = picture?.play.question;
    const place = open ? dealt.findIndex((one) => sameCard(one, open)) : -1;
    return place === -1 ? dealt.length - 1 : place;
  });
  const card = dealt[at];
  const go = (to: number) => dealt[to] !== undefined && setAt(to);
  const swipe = useSwipe<HTMLDivElement>((direction) => go(direction === "left" ? at + 1 : at - 1));
  const resting = useRest(String(at));
  if (card === undefined) return null;
  const text = textOf(sets, card, language);
  return (
    <Shell stage={{ left: "here", right: "here", slim: true }}>
      {onBack && <Back onClick={onBack} />}
      <p class="hint" data-testid="screen-dealt">
        {words.dealtNote}
      </p>
      <div class="card-place" ref={swipe}>
        <CardFace key={at} card={{ ...card, hint_revealed: true }} text={text} />
        {text && text.question.choices.length > 0 && (
          <ul class="choices choices-read" lang={text.language}>
            {text.question.choices.map((one) => (
              <li key={one.id}>{one.text}</li>
            ))}
          </ul>
        )}
      </div>
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
    </Shell>
  );
}
