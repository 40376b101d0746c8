/** Not at a table yet, or not any more. */
import { backToTable } from "../actions";
import { useApp, useStrings } from "../store";
import { Button } from "../ui/Button";
import { Heading, Shell } from "../ui/Shell";

export function Loading() {
  const strings = useStrings();
  return (
    <Shell stage={{ left: "expected", right: "expected" }}>
      <Heading testId="screen-loading">{strings.loading}</Heading>
    </Shell>
  );
}

export function Left() {
  const { strings } = useApp();
  return (
    <Shell stage={{ left: "free", right: "free" }}>
      <Heading testId="screen-left">{strings.ended.leftTitle}</Heading>
      <p class="lead">{strings.ended.leftBody}</p>
      <Button testId="start-again" kind="primary" onClick={() => void backToTable()}>
        {strings.session.toTable}
      </Button>
    </Shell>
  );
}

export function Lost() {
  const { strings, problem } = useApp();
  const code = problem?.code ?? "unexpected";
  return (
    <Shell stage={{ left: "free", right: "free" }}>
      <div data-testid="session-lost" data-code={code}>
        <Heading testId="screen-lost">{strings.problems[code].title}</Heading>
        <p class="lead">{strings.problems[code].body}</p>
      </div>
      <Button testId="start-again" kind="primary" onClick={() => void backToTable()}>
        {strings.session.toTable}
      </Button>
    </Shell>
  );
}
