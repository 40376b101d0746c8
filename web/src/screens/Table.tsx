/** A table that cannot be played at just now, or that nobody knows, and the page without a table. */
import { loadTable } from "../actions";
import { useApp } from "../store";
import { Button } from "../ui/Button";
import { Heading, Shell } from "../ui/Shell";

export function Landing() {
  const words = useApp().strings.landing;
  return (
    <Shell stage={{ left: "free", right: "free" }}>
      <div class="centred">
        <Heading testId="screen-landing">{words.title}</Heading>
        <p class="lead">{words.body}</p>
      </div>
    </Shell>
  );
}

export function TableProblem() {
  const { table, problem, strings } = useApp();
  const words = strings.status;
  const unknown = problem?.code === "table_not_found";
  const state = unknown ? "unknown" : (table?.status ?? "unreachable");
  if (problem !== null && !unknown) {
    const { title, body } = strings.problems[problem.code];
    return (
      <Shell stage={{ left: "free", right: "free" }}>
        <div class="centred" role="alert" data-testid="problem" data-code={problem.code}>
          <Heading testId="screen-table" key="problem">
            {title}
          </Heading>
          <p class="lead">{body}</p>
        </div>
        <Button testId="problem-retry" kind="primary" onClick={() => void loadTable()}>
          {strings.actions.retry}
        </Button>
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
      <div class="centred" data-testid="table-status" data-status={state}>
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

/** The time as this language writes it, with the day when it is not today. */
function opensAt(value: string, locale: string): string {
  const time = new Date(value);
  const today = time.toDateString() === new Date().toDateString();
  const day = today ? {} : ({ weekday: "long" } as const);
  return new Intl.DateTimeFormat(locale, { ...day, hour: "2-digit", minute: "2-digit" }).format(time);
}
