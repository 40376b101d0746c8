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
import { type Company, company } from "./company";
import { Unopened } from "./game/Unopened";
import { Wishes } from "./game/Wishes";

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
  const absent = us.partner === undefined ? "left" : us.status === "gone" ? "gone" : null;
  const mine: Seat = us.iAmReady ? "ready" : "here";
  if (both) return <Both us={us} />;
  return (
    <Shell stage={{ left: mine, right: partnerSeat(us) }}>
      <Seats us={us} />
      <div class="centred">
        <Heading testId="screen-ready">{us.partner ? words.title : words.leftTitle}</Heading>
        {absent === null && (
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
      {absent !== null && <Absent kind={absent} />}
      <NoNetwork />
      {app.problem && <ProblemNote problem={app.problem} />}
      {us.partner && (
        <Button
          testId="ready-button"
          kind={us.iAmReady ? "plain" : "primary"}
          busy={app.busy === "ready"}
          pressed={us.iAmReady}
          needsNetwork
          onClick={() => void setReady(!us.iAmReady)}
        >
          {us.iAmReady ? words.notReady : words.ready}
        </Button>
      )}
      <Wishes us={us} resting={false} />
      <EndRound />
    </Shell>
  );
}

/** The partner is gone or has left: A may invite again, B waits or leaves. */
function Absent({ kind }: { kind: "left" | "gone" }) {
  const words = useStrings().ready;
  const gone = useGoneBody();
  return (
    <div class="aside" data-testid={kind === "left" ? "partner-left" : "partner-gone"}>
      {kind === "gone" && <p class="aside-title">{words.absentTitle}</p>}
      <p>{kind === "left" ? words.leftBody : gone}</p>
      <InviteAgain />
    </div>
  );
}

/** Only A can invite. */
function useGoneBody(): string {
  const { me, strings } = useApp();
  return me?.role === "A" ? strings.ready.absentBody : strings.ready.absentBodyGuest;
}

function InviteAgain() {
  const { me, busy, strings } = useApp();
  if (me?.role !== "A") return null;
  return (
    <Button testId="invite-again" kind="primary" busy={busy === "code"} needsNetwork onClick={() => void newCode()}>
      {strings.ready.inviteAgain}
    </Button>
  );
}

/** Both are ready and no card is there: this restaurant has none, or its first one is on its way. */
function Both({ us }: { us: Company }) {
  const { strings } = useApp();
  const words = strings.both;
  const gone = us.status === "gone";
  const goneBody = useGoneBody();
  const below = (
    <>
      {gone && <InviteAgain />}
      <EndRound />
    </>
  );
  return (
    <Unopened
      stage={{ left: "ready", right: us.status === "away" || gone ? "away" : "ready", lit: true }}
      below={below}
    >
      <div class="both" data-testid="both-here">
        <Heading testId="screen-both">{gone ? strings.ready.absentTitle : words.title}</Heading>
        <p class="lead">{gone ? goneBody : words.body}</p>
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
    return us.partnerReady || both ? words.isReady : words.isHere;
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
