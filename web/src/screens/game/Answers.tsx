/** Answers to the open card: large choices, or a few words for those who like to write. Most people simply talk. */
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Card, Question } from "../../api/types";
import { giveAnswer } from "../../playing";
import { forgetDraft, loadDraft, saveDraft } from "../../session/credentials";
import { cardKey } from "../../session/dealt";
import { answerText } from "../../session/questions";
import { useApp, useStrings } from "../../store";
import { Button } from "../../ui/Button";
import { useHeir } from "../../ui/focus";
import { useRest } from "../../ui/rest";
import type { Company } from "../company";
import { ChoicesRead } from "./ChoicesRead";

const MAX_ANSWER = 500;

interface Props {
  card: Card;
  question: Question;
  us: Company;
  lang: string;
  resting: boolean;
}

export function Answers({ card, question, us, lang, resting }: Props) {
  const { picture, strings } = useApp();
  const revealed = picture?.play.revealed === true;
  const shown = useRef<HTMLElement>(null);
  const before = useRef(revealed);
  useEffect(() => {
    // On a small screen they come up under the buttons. Without a glide: it stays where less motion is wished for.
    if (revealed && !before.current) shown.current?.scrollIntoView({ block: "nearest" });
    before.current = revealed;
  }, [revealed]);
  if (revealed) return <Revealed question={question} us={us} lang={lang} elementRef={shown} />;
  // An answer is shown once two phones have given theirs: with one, two people talk.
  if (!us.partner) return <ChoicesRead question={question} lang={lang} />;
  return (
    <section class="answers" data-testid="answers" aria-label={strings.game.answers}>
      {question.kind === "choice" ? (
        <Choices card={card} question={question} us={us} lang={lang} resting={resting} />
      ) : (
        <InWords card={card} us={us} resting={resting} />
      )}
      <AnswerMarks us={us} />
    </section>
  );
}

function Choices({ card, question, us, lang, resting }: Props) {
  const { pressed } = useApp();
  return (
    <ul class="choices" lang={lang}>
      {question.choices.map((one) => (
        <li key={one.id}>
          <Button
            testId={`choice-${one.id}`}
            pressed={us.myAnswer === one.id && pressed !== "answer"}
            busy={us.myAnswer === one.id && pressed === "answer"}
            resting={resting}
            needsNetwork
            onClick={() => void (us.myAnswer === one.id ? undefined : giveAnswer(card, one.id))}
          >
            {one.text}
          </Button>
        </li>
      ))}
    </ul>
  );
}

function InWords({ card, us, resting }: { card: Card; us: Company; resting: boolean }) {
  const { me, strings } = useApp();
  const words = strings.game;
  const sessionId = me?.session_id ?? "";
  const draft = loadDraft(sessionId, cardKey(card));
  const [writing, setWriting] = useState(draft?.open === true);
  const mine = useRef<HTMLParagraphElement>(null);
  const write = useRef<HTMLButtonElement>(null);
  useHeir(us.myAnswer === undefined ? write : mine, writing);
  if (writing) {
    const keep = (text: string, open = true) => saveDraft(sessionId, { card: cardKey(card), text, open });
    const sent = () => {
      forgetDraft(sessionId);
      setWriting(false);
    };
    const close = (typed: string) => {
      keep(typed, false);
      setWriting(false);
    };
    const before = draft?.text ?? us.myAnswer ?? "";
    return <AnswerForm card={card} before={before} onTyped={keep} onSent={sent} onClose={close} />;
  }
  return (
    <>
      {us.myAnswer !== undefined && (
        <p ref={mine} tabIndex={-1} class="my-answer" data-testid="my-answer">
          {us.myAnswer}
        </p>
      )}
      <Button testId="write-answer" elementRef={write} resting={resting} onClick={() => setWriting(true)}>
        {us.iAnswered ? words.changeAnswer : words.writeAnswer}
      </Button>
    </>
  );
}

interface FormProps {
  card: Card;
  before: string;
  onTyped: (typed: string) => void;
  onSent: () => void;
  /** Not now: what was typed waits for the next time. */
  onClose: (typed: string) => void;
}

function AnswerForm({ card, before, onTyped, onSent, onClose }: FormProps) {
  const { pressed, strings } = useApp();
  const words = strings.game;
  const [typed, setTyped] = useState(before);
  const resting = useRest("form");
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const answer = typed.trim();
  return (
    <form
      class="answer-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (answer !== "") void giveAnswer(card, answer).then((given) => given && onSent());
      }}
    >
      <label for="answer">{words.answerLabel}</label>
      <textarea
        ref={field}
        id="answer"
        data-testid="answer-input"
        rows={2}
        maxLength={MAX_ANSWER}
        value={typed}
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          onTyped(event.currentTarget.value);
        }}
        aria-describedby="answer-hint"
      />
      <p id="answer-hint" class="hint">
        {words.answerHint}
      </p>
      <Button
        testId="send-answer"
        type="submit"
        kind="primary"
        busy={pressed === "answer"}
        disabled={answer === ""}
        resting={resting}
        needsNetwork
      >
        {words.sendAnswer}
      </Button>
      <Button testId="cancel-answer" kind="quiet" resting={resting} onClick={() => onClose(typed)}>
        {strings.actions.notNow}
      </Button>
    </form>
  );
}

function AnswerMarks({ us }: { us: Company }) {
  const words = useStrings().game;
  if (!us.iAnswered && !us.theyAnswered) return null;
  return (
    <p class="answer-marks" data-testid="answer-marks" data-mine={us.iAnswered} data-theirs={us.theyAnswered}>
      {us.iAnswered ? words.iAnswered : words.theyAnswered}
    </p>
  );
}

interface RevealedProps {
  question: Question;
  us: Company;
  lang: string;
  elementRef: RefObject<HTMLElement | null>;
}

function Revealed({ question, us, lang, elementRef }: RevealedProps) {
  const { game, ready } = useStrings();
  const { myAnswer, theirAnswer } = us;
  const same = question.kind === "choice" && myAnswer !== undefined && myAnswer === theirAnswer;
  return (
    <section ref={elementRef} class="revealed" data-testid="revealed" aria-label={game.answers}>
      {same && (
        <p class="both-chose" data-testid="both-chose">
          {game.bothChose(answerText(question, myAnswer))}
        </p>
      )}
      <Answer who={ready.you} answer={us.myAnswer} question={question} lang={lang} testId="answer-mine" />
      <Answer who={ready.partner} answer={us.theirAnswer} question={question} lang={lang} testId="answer-theirs" />
    </section>
  );
}

interface AnswerProps {
  who: string;
  answer: string | undefined;
  question: Question;
  lang: string;
  testId: string;
}

function Answer({ who, answer, question, lang, testId }: AnswerProps) {
  if (answer === undefined) return null;
  return (
    <div class="revealed-answer" data-testid={testId}>
      <h2>{who}</h2>
      <p lang={question.kind === "choice" ? lang : undefined}>{answerText(question, answer)}</p>
    </div>
  );
}
