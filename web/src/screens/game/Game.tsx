/** The game: the open card, what the two of them want of it, and the ways on. The log decides; nothing here moves by itself. */
import { useEffect, useState } from "preact/hooks";
import { changeContext, move, newCode, showHint, takeBack } from "../../actions";
import type { Card, Move } from "../../api/types";
import { textOf } from "../../session/questions";
import { useApp, useStrings } from "../../store";
import { Button } from "../../ui/Button";
import { ProblemNote } from "../../ui/ProblemNote";
import { useRest } from "../../ui/rest";
import { Shell } from "../../ui/Shell";
import { useSwipe } from "../../ui/swipe";
import { useWakeLock } from "../../ui/wake-lock";
import { ChooseContext } from "../ChooseContext";
import { type Company, company, seats } from "../company";
import { Answers } from "./Answers";
import { CardFace } from "./CardFace";
import { Dealt } from "./Dealt";
import { Finished } from "./Finished";
import { InviteBar, InviteSheet } from "./Invite";
import { Menu, MenuButton } from "./Menu";
import { Offline, useLost } from "./Offline";
import { Partner } from "./Partner";
import { Wishes } from "./Wishes";

export type Panel = "menu" | "context" | "invite" | "dealt" | null;

export function Game() {
  const app = useApp();
  const { strings, picture } = app;
  const [panel, setPanel] = useState<Panel>(null);
  const lost = useLost();
  const us = company(app);
  const play = picture?.play;
  useWakeLock(play?.question != null);
  useEffect(() => {
    if (!lost) setPanel((shown) => (shown === "dealt" ? null : shown));
  }, [lost]);
  const close = () => setPanel(null);
  if (picture === null || play === undefined) return null;
  if (panel === "dealt") return <Dealt onBack={close} />;
  if (panel === "context") {
    return (
      <ChooseContext
        stage={{ ...seats(us), compact: true }}
        present={picture.context}
        title={strings.game.otherContext}
        body={us.partner ? strings.game.contextNeedsBoth : strings.game.contextGoesOn}
        onBack={close}
        onChoose={(context) => changeContext(context).then((done) => (done && close(), done))}
      />
    );
  }
  const invite = () => void newCode().then((done) => done && setPanel("invite"));
  return (
    <Shell stage={{ ...seats(us), slim: true }} menu={<MenuButton onClick={() => setPanel("menu")} />}>
      {us.dual && <Partner us={us} />}
      <InviteBar onShow={() => setPanel("invite")} onInvite={invite} />
      {play.question === null ? (
        <Finished us={us} onOther={() => setPanel("context")} />
      ) : (
        <Table card={play.question} us={us} lost={lost} onLeaf={() => setPanel("dealt")} />
      )}
      {panel === "menu" && <Menu us={us} onPanel={setPanel} onInvite={invite} />}
      {panel === "invite" && <InviteSheet onClose={close} />}
    </Shell>
  );
}

interface TableProps {
  card: Card;
  us: Company;
  lost: boolean;
  onLeaf: () => void;
}

function Table({ card, us, lost, onLeaf }: TableProps) {
  const { sets, language, pressed, problem, dealt } = useApp();
  const text = textOf(sets, card, language);
  const resting = useRest(`${card.context}/${card.round}/${card.question_id}/${us.mine?.wish}`);
  const swipe = useSwipe<HTMLDivElement>((direction) => {
    const to: Move = direction === "left" ? "next" : "previous";
    const asked = us.mine?.wish === to || resting || (to === "previous" && card.position === 1);
    if (!asked) void move(to);
  });
  return (
    <>
      <div class="card-place" ref={swipe}>
        <CardFace
          key={`${card.context}/${card.round}/${card.question_id}`}
          card={card}
          text={text}
          hintBusy={pressed === "hint"}
          onHint={() => void showHint()}
        />
        {text && <Answers key={card.question_id} card={card} question={text.question} us={us} lang={text.language} />}
      </div>
      {lost && <Offline leafable={dealt.length > 1} onLeaf={onLeaf} />}
      {problem && <ProblemNote problem={problem} onRetry={() => void move("next")} />}
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
  const button = (to: Move, disabled = false) => {
    const wished = us.mine?.wish === to;
    return (
      <Button
        testId={`move-${to}`}
        kind={to === "next" ? "primary" : "plain"}
        busy={pressed === to}
        resting={resting}
        disabled={disabled}
        {...(us.partner ? { pressed: wished } : {})}
        onClick={() => void (wished ? takeBack() : move(to))}
      >
        {words[to]}
      </Button>
    );
  };
  return (
    <div class="moves" role="group" aria-label={words.moves}>
      {button("previous", card.position === 1)}
      {button("skip")}
      {button("next")}
    </div>
  );
}
