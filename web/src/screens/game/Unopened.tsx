/** Ready to play, and no card lies open: the first one has yet to be shown, or this deck has none. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { move } from "../../playing";
import { useApp } from "../../store";
import { Button } from "../../ui/Button";
import { NoNetwork } from "../../ui/lost";
import { ProblemNote } from "../../ui/ProblemNote";
import { useRest } from "../../ui/rest";
import { Shell, type Stage } from "../../ui/Shell";
import { company } from "../company";
import { ChangeContext } from "./ChangeContext";
import { Wishes } from "./Wishes";

interface Props {
  stage: Stage;
  /** What stands above the way to the first card. */
  children: ComponentChildren;
  /** What stands below it. */
  below: ComponentChildren;
}

export function Unopened({ stage, children, below }: Props) {
  const app = useApp();
  const { strings, pressed, problem } = app;
  const [choosing, setChoosing] = useState(false);
  const us = company(app);
  const resting = useRest(String(us.mine?.wish));
  const wished = us.mine?.wish === "next";
  if (choosing) return <ChangeContext us={us} onDone={() => setChoosing(false)} />;
  return (
    <Shell stage={stage}>
      {children}
      {problem && <ProblemNote problem={problem} />}
      <NoNetwork />
      <Wishes us={us} resting={resting} />
      <Button
        testId="first-card"
        kind="primary"
        busy={pressed === "next"}
        resting={resting || wished}
        needsNetwork
        {...(us.partner ? { pressed: wished } : {})}
        onClick={() => void move("next")}
      >
        {strings.game.first}
      </Button>
      {problem?.refusal === "no_questions" && (
        <Button testId="other-context" onClick={() => setChoosing(true)}>
          {strings.game.otherContext}
        </Button>
      )}
      {below}
    </Shell>
  );
}
