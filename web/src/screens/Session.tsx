/** Inside a session the log decides what is shown. */
import { useState } from "preact/hooks";
import { backToTable, dismissProblem } from "../actions";
import { chooseContext, newCode, optInMature } from "../playing";
import { isDealt } from "../session/play";
import { hasEnded } from "../session/state";
import { type AppState, useApp } from "../store";
import { Button } from "../ui/Button";
import { EndRound } from "../ui/EndRound";
import { WatchNetwork } from "../ui/lost";
import { Heading, Shell, type Stage } from "../ui/Shell";
import { useWakeLock } from "../ui/wake-lock";
import { Loading } from "./Away";
import { ChooseContext, MatureQuestion } from "./ChooseContext";
import { company, type Seen } from "./company";
import { ChangeContext } from "./game/ChangeContext";
import { Dealt } from "./game/Dealt";
import { Game } from "./game/Game";
import { Unopened } from "./game/Unopened";
import { Wishes } from "./game/Wishes";
import { Ready } from "./Ready";
import { Waiting } from "./Waiting";

type View = "loading" | "dealt" | "ended" | "waiting" | "context" | "mature" | "game" | "single" | "ready";

export function viewOf(app: Seen & Pick<AppState, "dealt">): View {
  const { picture, me, dealt } = app;
  if (picture === null || me === null) return dealt.length > 0 ? "dealt" : "loading";
  if (hasEnded(picture)) return "ended";
  const us = company(app);
  const agreed = picture.context !== "mature" || picture.play.mature_opt_in.includes(me.participant_id);
  // A game that is on goes on: neither an invitation nor a partner who left takes it from this phone.
  const on = isDealt(picture.play) && (picture.mode === "single" || picture.play.both_ready || !us.partner);
  if (on) return agreed ? "game" : "mature";
  if (us.inviting) return "waiting";
  if (picture.context === null) return "context";
  if (!agreed) return "mature";
  return picture.mode === "single" ? "single" : "ready";
}

export function Session() {
  const app = useApp();
  const view = viewOf(app);
  // Of these a guest looks at something without touching it: a card, the partner's seat, the square that is being scanned.
  useWakeLock(view === "waiting" || view === "ready" || (view === "game" && app.picture?.play.question != null));
  return (
    <WatchNetwork>
      <Shown view={view} />
    </WatchNetwork>
  );
}

function Shown({ view }: { view: View }) {
  const { picture } = useApp();
  const here = { left: "here", right: picture?.mode === "dual" ? "here" : "free" } as const;
  switch (view) {
    case "loading":
      return <Loading />;
    case "dealt":
      return <Dealt />;
    case "ended":
      return <Ended />;
    case "game":
      return <Game />;
    case "waiting":
      return <Waiting />;
    case "context":
      return <ChooseContext stage={here} onChoose={chooseContext} />;
    case "mature":
      return <Mature stage={here} />;
    case "single":
      return <Single />;
    case "ready":
      return <Ready />;
  }
}

/** Who does not agree may ask for other questions, which two phones choose together, or go. */
function Mature({ stage }: { stage: Stage }) {
  const app = useApp();
  const { busy, strings } = app;
  const [choosing, setChoosing] = useState(false);
  const us = company(app);
  if (choosing) return <ChangeContext us={us} onDone={() => setChoosing(false)} />;
  return (
    <MatureQuestion stage={stage} onYes={() => void optInMature()}>
      <Button
        testId="mature-no"
        busy={busy !== null}
        onClick={() => {
          dismissProblem();
          setChoosing(true);
        }}
      >
        {strings.context.matureNo}
      </Button>
      <Wishes us={us} resting={false} />
      <EndRound />
    </MatureQuestion>
  );
}

function Single() {
  const app = useApp();
  const { strings, busy } = app;
  const words = strings.single;
  const below = (
    <>
      {company(app).mayInvite && (
        <Button testId="invite-second" busy={busy === "code"} needsNetwork onClick={() => void newCode()}>
          {words.invite}
        </Button>
      )}
      <EndRound />
    </>
  );
  return (
    <Unopened stage={{ left: "ready", right: "ready", lit: true }} below={below}>
      <div class="centred">
        <Heading testId="screen-single">{words.title}</Heading>
        <p class="lead">{words.body}</p>
      </div>
    </Unopened>
  );
}

function Ended() {
  const { strings, picture } = useApp();
  const words = strings.ended;
  const closed = picture?.state === "closed";
  const body = closed ? words.closedBody : picture?.end_reason === "pairing" ? words.pairingBody : words.expiredBody;
  return (
    <Shell stage={{ left: "free", right: "free" }}>
      <div class="centred" data-testid="session-ended" data-state={picture?.state} data-reason={picture?.end_reason}>
        <Heading testId="screen-ended">{closed ? words.closedTitle : words.expiredTitle}</Heading>
        <p class="lead">{body}</p>
      </div>
      <Button testId="start-again" kind="primary" onClick={() => void backToTable()}>
        {strings.session.again}
      </Button>
    </Shell>
  );
}
