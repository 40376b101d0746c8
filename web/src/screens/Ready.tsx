/** Both phones at one table: who is here, who is ready, and the moment when both are. */
import { newCode, setReady } from "../playing";
import { isDealt } from "../session/play";
import { useApp, useStrings } from "../store";
import { Button } from "../ui/Button";
import { EndRound } from "../ui/EndRound";
import { NoNetwork } from "../ui/lost";
import { ProblemNote } from "../ui/ProblemNote";
import { Heading, Shell } from "../ui/Shell";
import type { Seat } from "../ui/TableTop";
import { Alone } from "./Alone";
import { type Company, company } from "./company";
import { Unopened } from "./game/Unopened";
import { Wishes } from "./game/Wishes";
import { useLate } from "./late";

function partnerSeat({ partner, partnerReady, status }: Company): Seat {
  if (partner === undefined) return "free";
  if (status === "away" || status === "gone") return "away";
  return partnerReady ? "ready" : "here";
}

export function Ready() {
  const app = useApp();
  const words = app.strings.ready;
  const us = company(app);
  const both = app.picture?.play.both_ready === true;
  const begun = app.picture !== null && isDealt(app.picture.play);
  const mine: Seat = us.iAmReady ? "ready" : "here";
  if (both) return <Both us={us} />;
  return (
    <Shell stage={{ left: mine, right: partnerSeat(us) }}>
      <Seats us={us} />
      <div class="centred">
        <Heading testId="screen-ready">{us.partner ? words.title : words.leftTitle}</Heading>
        {!us.missing && (
          <p class="lead" data-testid="ready-lead">
            {us.iAmReady
              ? words.waitingForPartner
              : us.partnerReady
                ? words.partnerWaits
                : begun
                  ? words.goesOn
                  : words.body}
          </p>
        )}
      </div>
      {us.missing && <Absent us={us} />}
      <NoNetwork />
      {app.problem && <ProblemNote problem={app.problem} />}
      {us.partner && <ReadyButton us={us} />}
      <Wishes us={us} resting={false} />
      {!us.missing && <WaysOn us={us} />}
      <EndRound />
    </Shell>
  );
}

export function ReadyButton({ us }: { us: Company }) {
  const { busy, strings } = useApp();
  return (
    <Button
      testId="ready-button"
      kind={us.iAmReady ? "plain" : "primary"}
      busy={busy === "ready"}
      needsNetwork
      onClick={() => void setReady(!us.iAmReady)}
    >
      {us.iAmReady ? strings.ready.notReady : strings.ready.ready}
    </Button>
  );
}

/** The partner is gone or has left: A may invite again or go on alone, and whoever stays may start without the other. */
function Absent({ us }: { us: Company }) {
  const { ready, game } = useStrings();
  const late = useLate(us.iAmReady ? "ready" : null);
  const start = late ? ready.waitingForPartner : game.waitingGone;
  const gone = us.iAmReady ? start : us.mayInvite ? ready.absentBody : ready.absentBodyNoInvite;
  const left = us.mayInvite ? ready.leftBody : ready.leftBodyNoInvite;
  return (
    <div class="aside" data-testid={us.partner ? "partner-gone" : "partner-left"}>
      {us.partner && <p class="aside-title">{ready.absentTitle}</p>}
      <p>{us.partner ? gone : left}</p>
      <WaysOn us={us} />
    </div>
  );
}

/** On without the partner who is missing, or of whom nobody says where it is. */
function WaysOn({ us }: { us: Company }) {
  return (
    <>
      <InviteAgain us={us} />
      {us.mayGoAlone && <Alone us={us} />}
    </>
  );
}

function InviteAgain({ us }: { us: Company }) {
  const { busy, strings } = useApp();
  if (!us.mayInvite) return null;
  return (
    <Button
      testId="invite-again"
      kind={us.missing ? "primary" : "plain"}
      busy={busy === "code"}
      needsNetwork
      onClick={() => void newCode()}
    >
      {strings.ready.inviteAgain}
    </Button>
  );
}

/** Both are ready and no card is there: the first one is on its way, or no questions of this kind were ever imported. */
function Both({ us }: { us: Company }) {
  const { strings } = useApp();
  const words = strings.both;
  const { ready, game } = strings;
  const title = !us.missing ? words.title : us.partner ? ready.absentTitle : ready.leftTitle;
  const body = !us.missing
    ? words.body
    : us.partner
      ? game.goneBody
      : us.mayInvite
        ? ready.leftBody
        : ready.leftBodyNoInvite;
  const below = (
    <>
      <WaysOn us={us} />
      <EndRound />
    </>
  );
  const seat = partnerSeat(us);
  return (
    <Unopened stage={{ left: "ready", right: seat === "here" ? "ready" : seat, lit: true }} below={below}>
      <div class="both" data-testid="both-here">
        <Heading testId="screen-both">{title}</Heading>
        <p class="lead">{body}</p>
      </div>
      <Seats us={us} both />
    </Unopened>
  );
}

function Seats({ us, both = false }: { us: Company; both?: boolean }) {
  const words = useStrings().ready;
  const partnerWord = () => {
    if (us.partner === undefined) return words.isLeft;
    if (us.status === "away") return words.isAway;
    if (us.status === "gone") return words.isGone;
    if (us.partnerReady || both) return words.isReady;
    // While nobody says where the partner is, nothing is said of it.
    return us.status === "online" ? words.isHere : null;
  };
  return (
    <ul class="seats" data-testid="seats">
      <li data-testid="seat-you" data-ready={us.iAmReady}>
        <span class="seat-name">{words.you}</span>
        <span class="seat-state">{us.iAmReady ? words.isReady : words.isHere}</span>
      </li>
      <li
        data-testid="seat-partner"
        data-ready={us.partnerReady}
        data-presence={us.partner === undefined ? "left" : (us.status ?? "unknown")}
      >
        <span class="seat-name">{words.partner}</span>
        <span class="seat-state">{partnerWord()}</span>
      </li>
    </ul>
  );
}
