/** What each phone has asked for and the other has not agreed to yet: seen at once on both, and easily taken back. */
import { useEffect, useState } from "preact/hooks";
import type { Wish } from "../../api/types";
import type { Strings } from "../../i18n";
import { changeContext, move, startAfresh, takeBack } from "../../playing";
import { agree } from "../../session/play";
import { useApp, useStrings } from "../../store";
import { Button } from "../../ui/Button";
import { Confirm } from "../../ui/Confirm";
import type { Company } from "../company";
import { useLate } from "../late";

/** For so long nothing is said of a wish that nobody has to agree to: it takes effect before a guest could read it. */
const SOON_MS = 600;

export function Wishes({ us, resting }: { us: Company; resting: boolean }) {
  const { mine, theirs } = us;
  // Nobody has to agree while the other phone is gone; the frank questions alone always wait for both.
  const alone = us.status === "gone" && mine?.context !== "mature";
  return (
    <>
      {theirs && !(mine && agree(mine, theirs)) && (
        <Theirs key={`${theirs.wish} ${theirs.context}`} wish={theirs} resting={resting} />
      )}
      {mine && us.partner && <Mine wish={mine} alone={alone} opposed={theirs !== undefined} />}
    </>
  );
}

function named(words: { wishContext(name: string): string }, strings: Strings, wish: Wish, otherwise: string): string {
  return wish.wish === "context" && wish.context !== null
    ? words.wishContext(strings.context[wish.context])
    : otherwise;
}

interface MineProps {
  wish: Wish;
  alone: boolean;
  /** The partner has a wish too: beside it, nobody needs to be told what this one waits for. */
  opposed: boolean;
}

function Mine({ wish, alone, opposed }: MineProps) {
  const { pressed, strings } = useApp();
  const words = strings.game.mine;
  const wished = named(words, strings, wish, words[wish.wish]);
  const [waits, setWaits] = useState(!alone);
  useEffect(() => {
    const timer = setTimeout(() => setWaits(true), SOON_MS);
    return () => clearTimeout(timer);
  }, []);
  const late = useLate(alone ? `${wish.wish} ${wish.context}` : null);
  if (!waits) return null;
  return (
    <div class="wish wish-mine" data-testid="wish-mine" data-wish={wish.wish} data-context={wish.context}>
      <p>{alone && !late ? strings.game.waitingGone : opposed ? wished : `${wished} ${strings.game.waiting}`}</p>
      <Button
        testId="take-back"
        kind="quiet"
        busy={pressed === "withdraw"}
        needsNetwork
        onClick={() => void takeBack()}
      >
        {strings.game.takeBack}
      </Button>
    </div>
  );
}

function Theirs({ wish, resting }: { wish: Wish; resting: boolean }) {
  const { pressed, strings } = useApp();
  const [asking, setAsking] = useState(false);
  const words = strings.game.theirs;
  const grant = () => {
    setAsking(false);
    if (wish.wish === "afresh") void startAfresh();
    else if (wish.wish !== "context") void move(wish.wish);
    else if (wish.context !== null) void changeContext(wish.context);
  };
  const frank = wish.context === "mature";
  return (
    <>
      <div class="wish wish-theirs" data-testid="wish-theirs" data-wish={wish.wish} data-context={wish.context}>
        <p>{named(words, strings, wish, words[wish.wish])}</p>
        <Button
          testId="grant-wish"
          kind="primary"
          busy={pressed !== null}
          resting={resting}
          needsNetwork
          onClick={() => (frank ? setAsking(true) : grant())}
        >
          {strings.game.grant[wish.wish]}
        </Button>
      </div>
      {asking && <MatureConfirm onYes={grant} onNo={() => setAsking(false)} />}
    </>
  );
}

/** Agreeing to this wish is this phone's own opt-in: it says what it means first. */
function MatureConfirm({ onYes, onNo }: { onYes: () => void; onNo: () => void }) {
  const { context, actions } = useStrings();
  return (
    <Confirm
      title={context.matureTitle}
      body={context.matureBody}
      yes={context.matureYes}
      no={actions.notNow}
      busy={false}
      even
      onYes={onYes}
      onNo={onNo}
    />
  );
}
