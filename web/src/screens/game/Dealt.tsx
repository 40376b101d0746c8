/** The cards of this evening, to read again while there is no network. Nothing here asks anything of the server. */
import { useState } from "preact/hooks";
import { textOf } from "../../session/questions";
import { useApp } from "../../store";
import { Button } from "../../ui/Button";
import { useRest } from "../../ui/rest";
import { Back, Shell } from "../../ui/Shell";
import { useSwipe } from "../../ui/swipe";
import { CardFace } from "./CardFace";

export function Dealt({ onBack }: { onBack?: () => void }) {
  const { dealt, sets, language, strings } = useApp();
  const words = strings.game;
  const [at, setAt] = useState(dealt.length - 1);
  const card = dealt[at];
  const go = (to: number) => dealt[to] !== undefined && setAt(to);
  const swipe = useSwipe<HTMLDivElement>((direction) => go(direction === "left" ? at + 1 : at - 1));
  const resting = useRest(String(at));
  if (card === undefined) return null;
  return (
    <Shell stage={{ left: "here", right: "here", slim: true }}>
      {onBack && <Back onClick={onBack} />}
      <p class="hint" data-testid="screen-dealt">
        {words.dealtNote}
      </p>
      <div class="card-place" ref={swipe}>
        <CardFace key={at} card={{ ...card, hint_revealed: true }} text={textOf(sets, card, language)} />
      </div>
      <div class="controls">
        <div class="moves moves-two" role="group" aria-label={words.moves}>
          <Button testId="leaf-earlier" disabled={at === 0} resting={resting} onClick={() => go(at - 1)}>
            {words.earlier}
          </Button>
          <Button testId="leaf-later" disabled={at === dealt.length - 1} resting={resting} onClick={() => go(at + 1)}>
            {words.later}
          </Button>
        </div>
      </div>
    </Shell>
  );
}
