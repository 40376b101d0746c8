/** A table that cannot be played at just now, or that nobody knows, and the page without a table. */
import { loadTable } from "../actions";
import { useApp } from "../store";
import { Button } from "../ui/Button";
import { ProblemNote } from "../ui/ProblemNote";
import { Heading, Shell } from "../ui/Shell";

export function Landing() {
  const words = useApp().strings.landing;
  return (
    <Shell stage={{ left: "free", right: "free" }}>
      <Heading testId="screen-landing">{words.title}</Heading>
      <p class="lead">{words.body}</p>
    </Shell>
  );
}

export function TableProblem() {
  const { table, problem, strings } = useApp();
  const words = strings.status;
  const unknown = problem?.code === "table_not_found";
  const state = unknown ? "unknown" : (table?.status ?? "unreachable");
  if (problem !== null && !unknown) {
    return (
      <Shell stage={{ left: "free", right: "free" }}>
        <Heading testId="screen-table" key="problem">
          {strings.problems[problem.code].title}
        </Heading>
        <ProblemNote problem={problem} onRetry={() => void loadTable()} />
      </Shell>
    );
  }
  const title = unknown ? words.unknownTitle : state === "closed" ? words.closedTitle : words.disabledTitle;
  const body = unknown
    ? words.unknownBody
    : state === "closed"
      ? words.closedBody(table?.opens_at ? opensAt(table.opens_at, strings.locale) : null)
      : words.disabledBody;
  return (
    <Shell stage={{ left: "free", right: "free" }}>
      <div data-testid="table-status" data-status={state}>
        <Heading testId="screen-table" key={state}>
          {title}
        </Heading>
        <p class="lead">{body}</p>
      </div>
      <Button testId="look-again" kind="primary" onClick={() => void loadTable()}>
        {words.lookAgain}
      </Button>
    </Shell>
  );
}

/** "18:00" as it is, a full time as the guest's own clock shows it, with the day when it is not today. */
function opensAt(value: string, locale: string): string {
  const time = new Date(value);
  if (/^\d\d:\d\d/.test(value) || Number.isNaN(time.getTime())) return value.slice(0, 5);
  const today = time.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(locale, {
    ...(today ? {} : { weekday: "long" }),
    hour: "numeric",
    minute: "2-digit",
  }).format(time);
}
