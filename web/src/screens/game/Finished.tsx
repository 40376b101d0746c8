/** After the last card: again in a new order, other questions, back to the last one, or home. */
import type { Problem } from "../../api/problems";
import type { Want } from "../../api/types";
import { move, startAfresh } from "../../playing";
import { useApp } from "../../store";
import { Button } from "../../ui/Button";
import { EndRound } from "../../ui/EndRound";
import { useLost } from "../../ui/lost";
import { ProblemNote } from "../../ui/ProblemNote";
import { useRest } from "../../ui/rest";
import { Heading } from "../../ui/Shell";
import type { Company } from "../company";
import { Offline } from "./Offline";
import { Wishes } from "./Wishes";

interface Props {
  us: Company;
  problem: Problem | null;
  onOther: () => void;
  onLeaf: () => void;
}

export function Finished({ us, problem, onOther, onLeaf }: Props) {
  const { strings, pressed, dealt } = useApp();
  const words = strings.game;
  const resting = useRest(`finished/${us.mine?.wish}`);
  const lost = useLost();
  const wished = (wish: Want) => us.mine?.wish === wish;
  const state = (wish: Want) => (us.partner ? { pressed: wished(wish) } : {});
  return (
    <>
      <div class="finished">
        <Heading testId="screen-finished">{words.finishedTitle}</Heading>
        <p class="lead">{words.finishedBody}</p>
      </div>
      {lost && <Offline leafable={dealt.length > 0} onLeaf={onLeaf} />}
      {problem && <ProblemNote problem={problem} />}
      <Wishes us={us} resting={resting} />
      <Button
        testId="start-afresh"
        kind="primary"
        busy={pressed === "afresh"}
        resting={resting || wished("afresh")}
        needsNetwork
        {...state("afresh")}
        onClick={() => void startAfresh()}
      >
        {words.afresh}
      </Button>
      <Button testId="other-context" needsNetwork onClick={onOther}>
        {words.otherContext}
      </Button>
      <Button
        testId="move-previous"
        kind="quiet"
        busy={pressed === "previous"}
        resting={resting || wished("previous")}
        needsNetwork
        {...state("previous")}
        onClick={() => void move("previous")}
      >
        {words.lastCard}
      </Button>
      <EndRound />
    </>
  );
}
