/** A refusal in words, with a way on. What the way on is depends on the code alone. */
import { useEffect, useRef, useState } from "preact/hooks";
import { backToTable, dismissProblem, go, goBack } from "../actions";
import type { Problem, ProblemCode } from "../api/problems";
import type { Words } from "../i18n/strings";
import { useApp, useStrings } from "../store";
import { Button } from "./Button";
import { formatSeconds, useNow } from "./clock";

export type WayOn =
  | "retry"
  | "start_over"
  | "one_phone"
  | "join"
  | "other_code"
  | "reload_table"
  | "reload_page"
  | "close";

const WAYS: Record<ProblemCode, readonly WayOn[]> = {
  already_paired: ["other_code", "start_over"],
  code_expired: ["other_code", "start_over"],
  code_invalid: ["other_code"],
  credential_expired: ["start_over"],
  credential_invalid: ["start_over"],
  idempotency_in_progress: ["retry"],
  idempotency_mismatch: ["retry"],
  invalid_field: ["retry", "start_over"],
  invalid_request: ["retry", "start_over"],
  line_conflict: ["close"],
  location_closed: ["reload_table"],
  mode_unavailable: ["one_phone", "start_over"],
  not_a_participant: ["start_over"],
  not_allowed: ["close"],
  pairing_disabled: ["one_phone", "start_over"],
  question_set_not_found: ["close"],
  qr_expired: ["reload_table"],
  qr_invalid: ["reload_table"],
  qr_revoked: ["reload_table"],
  rate_limited: ["retry"],
  seq_conflict: ["close"],
  session_closed: ["start_over"],
  session_expired: ["start_over"],
  session_not_found: ["start_over"],
  table_disabled: ["reload_table"],
  table_mismatch: ["reload_table"],
  table_not_found: ["reload_table"],
  table_session_limit: ["join", "retry"],
  too_many_attempts: ["one_phone", "start_over"],
  unavailable: ["retry"],
  unknown_command: ["reload_page"],
  offline: ["retry"],
  unexpected: ["retry"],
  unanswered: ["close"],
};

/** With these a session is over for this phone. */
const OVER: ReadonlySet<ProblemCode> = new Set([
  "credential_expired",
  "credential_invalid",
  "not_a_participant",
  "session_closed",
  "session_expired",
  "session_not_found",
]);
const STAYING: ReadonlySet<WayOn> = new Set(["retry", "reload_page", "close"]);

/**
 * No way leads out of a session that goes on: choosing another one would cost this phone its only credential. Who types a
 * partner's code meanwhile goes on with one phone there, if at all.
 */
function waysOf(code: ProblemCode, inSession: boolean, fromSession: boolean): readonly WayOn[] {
  const ways = fromSession ? WAYS[code].filter((way) => way !== "one_phone") : WAYS[code];
  if (!inSession || OVER.has(code)) return ways;
  const staying = ways.filter((way) => STAYING.has(way));
  return staying.length > 0 ? staying : ["close"];
}

interface Props {
  problem: Problem;
  /** Of its words, for the field that they are about. */
  id?: string;
  /** Where they fit better than those of its code. */
  words?: Words;
  onOtherCode?: () => void;
}

export function ProblemNote({ problem, id, words, onOtherCode }: Props) {
  const { strings, route, me } = useApp();
  const { title, body } =
    words ?? (problem.refusal === null ? strings.problems[problem.code] : strings.refusals[problem.refusal]);
  const fromSession = route.name === "join" && me !== null;
  const ways = waysOf(problem.code, route.name === "session", fromSession);
  const ref = useRef<HTMLElement>(null);
  useEffect(() => ref.current?.scrollIntoView({ block: "nearest" }), [problem]);
  return (
    <section ref={ref} class="note" data-testid="problem" data-code={problem.code} data-reason={problem.reason}>
      {/* Without the ways: the one that counts down would be read aloud every second. */}
      <div id={id} role="alert">
        <h2>{title}</h2>
        <p>{body}</p>
      </div>
      <div class="note-ways">
        {ways.map((way, index) => (
          <Way
            key={`${problem.code}-${way}`}
            way={way}
            first={index === 0}
            problem={problem}
            onOtherCode={onOtherCode}
            onStartOver={fromSession ? goBack : () => void backToTable()}
          />
        ))}
      </div>
    </section>
  );
}

interface WayProps {
  way: WayOn;
  first: boolean;
  problem: Problem;
  onOtherCode: (() => void) | undefined;
  onStartOver: () => void;
}

function Way({ way, first, problem, onOtherCode, onStartOver }: WayProps) {
  const { actions } = useStrings();
  const kind = first ? "primary" : "plain";
  switch (way) {
    case "retry":
      return <Retry problem={problem} kind={kind} />;
    case "one_phone":
      return (
        <Button testId="problem-one-phone" kind={kind} onClick={() => go({ name: "context", mode: "single" })}>
          {actions.onePhone}
        </Button>
      );
    case "join":
      return (
        <Button testId="problem-join" kind={kind} onClick={() => go({ name: "join" })}>
          {actions.joinInstead}
        </Button>
      );
    case "other_code":
      return (
        <Button testId="problem-other-code" kind={kind} onClick={onOtherCode ?? (() => go({ name: "join" }))}>
          {onOtherCode && problem.code === "code_invalid" ? actions.correctCode : actions.otherCode}
        </Button>
      );
    case "close":
      return (
        <Button testId="problem-close" kind={kind} onClick={dismissProblem}>
          {actions.close}
        </Button>
      );
    case "start_over":
      return (
        <Button testId="problem-start-over" kind={kind} onClick={onStartOver}>
          {actions.startOver}
        </Button>
      );
    case "reload_table":
      return (
        <Button testId="problem-reload" kind={kind} onClick={() => void backToTable()}>
          {actions.retry}
        </Button>
      );
    case "reload_page":
      return (
        <Button testId="problem-reload-page" kind={kind} onClick={() => location.reload()}>
          {actions.reload}
        </Button>
      );
  }
}

function Retry({ problem, kind }: { problem: Problem; kind: "primary" | "plain" }) {
  const { strings, retry, route } = useApp();
  const { actions } = strings;
  // Where nothing can be tried again, the table can; a session goes on by itself.
  const otherwise = route.name === "session" ? dismissProblem : () => void backToTable();
  const [until] = useState(() => performance.now() + (problem.retryAfter ?? 0) * 1_000);
  const [left, setLeft] = useState(problem.retryAfter ?? 0);
  const now = useNow(left > 0);
  useEffect(() => setLeft(Math.max(0, (until - performance.now()) / 1_000)), [now, until]);
  return (
    <Button testId="problem-retry" kind={kind} disabled={left > 0} onClick={retry ?? otherwise}>
      {left > 0 ? actions.retryIn(formatSeconds(left)) : actions.retry}
    </Button>
  );
}
