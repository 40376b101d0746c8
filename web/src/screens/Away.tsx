/** Not at a table yet, or not any more. */
import { useEffect, useState } from "preact/hooks";
import { backToTable } from "../actions";
import { reloadPage } from "../missing-file";
import { useApp } from "../store";
import { Button } from "../ui/Button";
import { Heading, Shell } from "../ui/Shell";

/** Longer than this, a game that comes by itself seldom takes. */
const STUCK_AFTER_MS = 6_000;

export function Loading() {
  const { strings, route } = useApp();
  const [stuck, setStuck] = useState(false);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setStuck(true), STUCK_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  const again = () => {
    setBusy(true);
    void reloadPage().finally(() => setBusy(false));
  };
  return (
    <Shell stage={{ left: "expected", right: "expected" }}>
      <div class="centred">
        <Heading testId="screen-loading">{strings.loading}</Heading>
      </div>
      {stuck && route.name === "session" && (
        <Button testId="load-again" busy={busy} onClick={again}>
          {strings.actions.retry}
        </Button>
      )}
    </Shell>
  );
}

export function Left() {
  const { strings } = useApp();
  return (
    <Shell stage={{ left: "free", right: "free" }}>
      <div class="centred">
        <Heading testId="screen-left">{strings.ended.leftTitle}</Heading>
        <p class="lead">{strings.ended.leftBody}</p>
      </div>
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
      <div class="centred" data-testid="session-lost" data-code={code}>
        <Heading testId="screen-lost">{strings.problems[code].title}</Heading>
        <p class="lead">{strings.problems[code].body}</p>
      </div>
      <Button testId="start-again" kind="primary" onClick={() => void backToTable()}>
        {strings.session.toTable}
      </Button>
    </Shell>
  );
}
