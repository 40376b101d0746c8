/** After the last card: again in a new order, other questions, back to the last one, or home. */
import { move, startAfresh } from "../../playing";
import { useApp } from "../../store";
import { Button } from "../../ui/Button";
import { EndRound } from "../../ui/EndRound";
import { ProblemNote } from "../../ui/ProblemNote";
import { useRest } from "../../ui/rest";
import { Heading } from "../../ui/Shell";
import type { Company } from "../company";
import { Wishes } from "./Wishes";

export function Finished({ us, onOther }: { us: Company; onOther: () => void }) {
  const { strings, pressed, problem } = useApp();
  const words = strings.game;
  const resting = useRest(`finished/${us.mine?.wish}`);
  const wished = (wish: string) => (us.partner ? { pressed: us.mine?.wish === wish } : {});
  return (
    <>
      <div class="finished">
        <Heading testId="screen-finished">{words.finishedTitle}</Heading>
        <p class="lead">{words.finishedBody}</p>
      </div>
      {problem && <ProblemNote problem={problem} />}
      <Wishes us={us} resting={resting} />
      <Button
        testId="start-afresh"
        kind="primary"
        busy={pressed === "afresh"}
        resting={resting}
        {...wished("afresh")}
        onClick={() => void startAfresh()}
      >
        {words.afresh}
      </Button>
      <Button testId="other-context" onClick={onOther}>
        {words.otherContext}
      </Button>
      <Button
        testId="move-previous"
        kind="quiet"
        busy={pressed === "previous"}
        resting={resting}
        {...wished("previous")}
        onClick={() => void move("previous")}
      >
        {words.lastCard}
      </Button>
      <EndRound />
    </>
  );
}
