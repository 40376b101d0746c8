/** The game: the open card, what the two of them want of it, and the ways on. The log decides; nothing here moves by itself. */
import { useEffect, useRef, useState } from "preact/hooks";
import { dismissProblem } from "../../actions";
import type { Problem } from "../../api/problems";
import type { Card, Move } from "../../api/types";
import { move, newCode, showHint } from "../../playing";
import { cardKey } from "../../session/dealt";
import { textOf } from "../../session/questions";
import { useApp, useStrings } from "../../store";
import { Button } from "../../ui/Button";
import { useHeir } from "../../ui/focus";
import { useLost, useOff } from "../../ui/lost";
import { ProblemNote } from "../../ui/ProblemNote";
import { useRest } from "../../ui/rest";
import { Shell } from "../../ui/Shell";
import { useSwipe } from "../../ui/swipe";
import { type Company, company, seats } from "../company";
import { Answers } from "./Answers";
import { CardFace } from "./CardFace";
import { ChangeContext } from "./ChangeContext";
import { Dealt } from "./Dealt";
import { Finished } from "./Finished";
import { InviteBar, InviteSheet } from "./Invite";
import { Menu, MenuButton } from "./Menu";
import { Offline } from "./Offline";
import { Partner } from "./Partner";
import { Wishes } from "./Wishes";

export type Panel = "menu" | "context" | "invite" | "dealt" | null;

export function Game() {
  const app = useApp();
  const { picture } = app;
  const [panel, setPanel] = useState<Panel>(null);
  const lost = useLost();
  const us = company(app);
  const play = picture?.play;
  useEffect(() => {
    if (!lost) setPanel((shown) => (shown === "dealt" ? null : shown));
  }, [lost]);
  const inviting = us.inviting;
  useEffect(() => {
    // Otherwise the next invitation would open the sheet by itself.
    if (!inviting) setPanel((shown) => (shown === "invite" ? null : shown));
  }, [inviting]);
  const close = () => setPanel(null);
  const open = (sheet: Panel) => {
    dismissProblem();
    setPanel(sheet);
  };
  if (picture === null || play === undefined) return null;
  if (panel === "dealt") return <Dealt onBack={close} />;
  if (panel === "context") return <ChangeContext us={us} onDone={close} />;
  const covered = panel === "menu" || (panel === "invite" && inviting);
  // Under a sheet nothing can be read: it tells the problem itself.
  const problem = covered ? null : app.problem;
  const leaf = () => setPanel("dealt");
  const invite = () => void newCode().then((done) => done && setPanel("invite"));
  return (
    <Shell stage={{ ...seats(us), slim: true }} menu={<MenuButton onClick={() => open("menu")} />}>
      {us.dual && (us.partner || !inviting) && <Partner us={us} onInvite={invite} />}
      {inviting && <InviteBar onShow={() => open("invite")} />}
      {play.question === null ? (
        <Finished us={us} problem={problem} onOther={() => open("context")} onLeaf={leaf} />
      ) : (
        <OpenCard card={play.question} us={us} problem={problem} onLeaf={leaf} />
      )}
      {panel === "menu" && <Menu us={us} onOther={() => open("context")} onInvite={invite} onClose={close} />}
      {panel === "invite" && inviting && <InviteSheet us={us} onClose={close} />}
    </Shell>
  );
}

interface OpenCardProps {
  card: Card;
  us: Company;
  problem: Problem | null;
  onLeaf: () => void;
}

function OpenCard({ card, us, problem, onLeaf }: OpenCardProps) {
  const { sets, language, pressed, dealt } = useApp();
  const lost = useLost();
  const off = useOff();
  const text = textOf(sets, card, language);
  const resting = useRest(`${cardKey(card)}/${us.mine?.wish}`);
  const swipe = useSwipe<HTMLDivElement>((direction) => {
    const to: Move = direction === "left" ? "next" : "previous";
    const asked = us.mine?.wish === to || resting || off || (to === "previous" && card.position === 1);
    if (!asked) void move(to);
  });
  return (
    <>
      {lost && <Offline leafable={dealt.length > 1} onLeaf={onLeaf} />}
      <div class="card-place" ref={swipe}>
        <CardFace
          key={cardKey(card)}
          card={card}
          text={text}
          hintBusy={pressed === "hint"}
          resting={resting}
          asksServer
          onHint={() => void showHint()}
        />
        {text && (
          <Answers
            key={cardKey(card)}
            card={card}
            question={text.question}
            us={us}
            lang={text.language}
            resting={resting}
          />
        )}
      </div>
      {problem && <ProblemNote problem={problem} />}
      <div class="controls">
        <Wishes us={us} resting={resting} />
        <Moves card={card} us={us} resting={resting} />
      </div>
    </>
  );
}

function Moves({ card, us, resting }: { card: Card; us: Company; resting: boolean }) {
  const words = useStrings().game;
  const { pressed } = useApp();
  const asked = us.theirs !== undefined && us.mine === undefined;
  const next = useRef<HTMLButtonElement>(null);
  // Of "Take it back", when it was.
  useHeir(next, us.mine === undefined);
  const button = (to: Move, disabled = false) => {
    const wished = us.mine?.wish === to;
    return (
      <Button
        testId={`move-${to}`}
        kind={to === "next" && !asked ? "primary" : "plain"}
        busy={pressed === to}
        resting={resting || wished}
        needsNetwork
        disabled={disabled}
        {...(to === "next" ? { elementRef: next } : {})}
        {...(us.partner ? { pressed: wished } : {})}
        onClick={() => void move(to)}
      >
        {words[to]}
      </Button>
    );
  };
  return (
    <fieldset class="moves" aria-label={words.moves}>
      {button("previous", card.position === 1)}
      {button("skip")}
      {button("next")}
    </fieldset>
  );
}
