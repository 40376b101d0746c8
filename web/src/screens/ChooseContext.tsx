/** Who is at the table: the context of the round. `mature` is agreed to on each phone by itself. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { dismissProblem } from "../actions";
import type { Context } from "../api/types";
import { useApp } from "../store";
import { Button, Choice } from "../ui/Button";
import { NoNetwork } from "../ui/lost";
import { ProblemNote } from "../ui/ProblemNote";
import { Back, Heading, Shell, type Stage } from "../ui/Shell";

interface Props {
  stage: Stage;
  onChoose: (context: Context) => Promise<boolean>;
  /** Without it there is no way back: the session exists already. */
  onBack?: () => void;
  /** The one that is on already is not on offer. */
  present?: Context | null;
  title?: string;
  body?: string;
}

const CONTEXTS: readonly Context[] = ["exploring", "established", "mature"];

export function ChooseContext({ stage, onChoose, onBack, present = null, title, body }: Props) {
  const { strings, busy, pressed, problem } = useApp();
  const [asked, setAsked] = useState<Context | null>(null);
  const words = strings.context;
  const ask = (context: Context | null) => {
    // What was refused before is not tried again from under another question.
    dismissProblem();
    setAsked(context);
  };
  const choose = (context: Context) => {
    ask(context);
    if (context !== "mature") void onChoose(context);
  };
  if (asked === "mature") {
    return (
      <MatureQuestion stage={stage} onYes={() => void onChoose("mature")}>
        <Button testId="mature-no" busy={busy !== null} onClick={() => ask(null)}>
          {words.matureNo}
        </Button>
      </MatureQuestion>
    );
  }
  return (
    <Shell stage={stage}>
      {onBack && <Back onClick={onBack} />}
      <Heading testId="screen-context">{title ?? words.title}</Heading>
      <p class="lead">{body ?? words.body}</p>
      <NoNetwork />
      {problem && <ProblemNote problem={problem} />}
      {CONTEXTS.filter((context) => context !== present).map((context) => (
        <Choice
          key={context}
          testId={`context-${context}`}
          title={words[context]}
          hint={words[`${context}Hint`]}
          busy={(busy !== null || pressed !== null) && asked === context}
          onClick={() => choose(context)}
        />
      ))}
    </Shell>
  );
}

interface MatureProps {
  stage: Stage;
  onYes: () => void;
  /** The ways out. */
  children: ComponentChildren;
}

/** Before the round for A, after joining for B: nobody gets these questions without having said yes. */
export function MatureQuestion({ stage, onYes, children }: MatureProps) {
  const { busy, pressed, problem, picture, route, strings } = useApp();
  const words = strings.context;
  const onePhone = (route.name === "context" ? route.mode : picture?.mode) === "single";
  return (
    <Shell stage={stage}>
      <Heading testId="screen-mature">{words.matureTitle}</Heading>
      <p class="lead">{onePhone ? words.matureBodyOnePhone : words.matureBody}</p>
      {problem && <ProblemNote problem={problem} />}
      <NoNetwork />
      <Button testId="mature-yes" busy={busy !== null || pressed !== null} needsNetwork onClick={onYes}>
        {words.matureYes}
      </Button>
      {children}
    </Shell>
  );
}
