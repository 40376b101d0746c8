/** The game: the open card, what the two of them want of it, and the ways on. The log decides; nothing here moves by itself. */
import { useEffect, useState } from "preact/hooks";
import type { Card, Move } from "../../api/types";
import { move, newCode, showHint, takeBack } from "../../playing";
import { cardKey } from "../../session/dealt";
import { textOf } from "../../session/questions";
import type { SessionPicture } from "../../session/state";
import { useApp, useStrings } from "../../store";
import { Button } from "../../ui/Button";
import { ProblemNote } from "../../ui/ProblemNote";
import { useRest } from "../../ui/rest";
import { Shell } from "../../ui/Shell";
import { useSwipe } from "../../ui/swipe";
import { useWakeLock } from "../../ui/wake-lock";
import { type Company, company, seats } from "../company";
import { Answers } from "./Answers";
import { CardFace } from "./CardFace";
import { ChangeContext } from "./ChangeContext";
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
  const { picture } = app;
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
  if (panel === "context") return <ChangeContext us={us} onDone={close} />;
  const inviting = invites(picture, us) && app.me?.role === "A";
  const invite = () => void newCode().then((done) => done && setPanel("invite"));
  return (
    <Shell stage={{ ...seats(us), slim: true }} menu={<MenuButton onClick={() => setPanel("menu")} />}>
      {us.dual && (us.partner || !inviting) && <Partner us={us} />}
      {inviting && <InviteBar onShow={() => setPanel("invite")} />}
      {play.question === null ? (
        <Finished us={us} onOther={() => setPanel("context")} />
      ) : (
        <OpenCard card={play.question} us={us} lost={lost} onLeaf={() => setPanel("dealt")} />
      )}
      {panel === "menu" && <Menu us={us} onPanel={setPanel} onInvite={invite} />}
      {panel === "invite" && inviting && <InviteSheet onClose={close} />}
    </Shell>
  );
}

/** A place is free and a code may be out for it; a partner who comes back before anybody takes it simply goes on. */
function invites(picture: SessionPicture, us: Company): boolean {
  const open = picture.dual_status === "waiting" || picture.dual_status === "expired";
  return us.dual && open && us.status !== "online";
}

interface OpenCardProps {
  card: Card;
  us: Company;
  lost: boolean;
  onLeaf: () => void;
}

function OpenCard({ card, us, lost, onLeaf }: OpenCardProps) {
  const { sets, language, pressed, problem, dealt } = useApp();
  const text = textOf(sets, card, language);
  const resting = useRest(`${cardKey(card)}/${us.mine?.wish}`);
  const swipe = useSwipe<HTMLDivElement>((direction) => {
    const to: Move = direction === "left" ? "next" : "previous";
    const asked = us.mine?.wish === to || resting || (to === "previous" && card.position === 1);
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
          onHint={() => void showHint()}
        />
        {text && <Answers key={cardKey(card)} card={card} question={text.question} us={us} lang={text.language} />}
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
  const button = (to: Move, disabled = false) => {
    const wished = us.mine?.wish === to;
    return (
      <Button
        testId={`move-${to}`}
        kind={to === "next" && !asked ? "primary" : "plain"}
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
    <fieldset class="moves" aria-label={words.moves}>
      {button("previous", card.position === 1)}
      {button("skip")}
      {button("next")}
    </fieldset>
  );
}
