/** One card as it lies on the table. */
import { useRef } from "preact/hooks";
import type { Card } from "../../api/types";
import type { CardText } from "../../session/questions";
import { useStrings } from "../../store";
import { Button } from "../../ui/Button";
import { useHeir } from "../../ui/focus";
import { Heading } from "../../ui/Shell";

interface Props {
  card: Card;
  text: CardText | null | undefined;
  hintBusy?: boolean;
  resting?: boolean;
  /** The hint is asked of the server, for both phones. */
  asksServer?: boolean;
  onHint: () => void;
}

export function CardFace({ card, text, hintBusy = false, resting = false, asksServer = false, onHint }: Props) {
  const { game, context } = useStrings();
  const said = text === undefined ? game.cardLoading : text === null ? game.cardMissing : text.question.text;
  const hint = text?.question.hint ?? null;
  const shown = useRef<HTMLParagraphElement>(null);
  useHeir(shown, card.hint_revealed);
  return (
    <article
      class={text ? "card" : "card card-blank"}
      data-testid="card"
      data-question={card.question_id}
      data-position={card.position}
      data-size={card.size}
      data-context={card.context}
      data-round={card.round}
      aria-busy={text === undefined}
    >
      <p class="card-progress">
        <span data-testid="card-progress">{game.progress(card.position, card.size)}</span>
        <span class="card-context">{context[card.context]}</span>
      </p>
      <div lang={text?.language}>
        <Heading testId="question" title={game.cardTitle(card.position, card.size)}>
          {said}
        </Heading>
      </div>
      {hint !== null && card.hint_revealed && (
        <p ref={shown} tabIndex={-1} class="card-hint" data-testid="hint" lang={text?.language}>
          {hint}
        </p>
      )}
      {hint !== null && !card.hint_revealed && (
        <Button
          testId="show-hint"
          kind="quiet"
          busy={hintBusy}
          resting={resting}
          needsNetwork={asksServer}
          onClick={onHint}
        >
          {game.hint}
        </Button>
      )}
    </article>
  );
}
