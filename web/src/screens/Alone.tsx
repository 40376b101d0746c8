/** A gives the second place up and goes on alone. Whoever has a seat loses it only after a question. */
import { useState } from "preact/hooks";
import { goOnAlone } from "../playing";
import { useApp } from "../store";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import type { Company } from "./company";

interface Props {
  us: Company;
  testId?: string;
  onDone?: () => void;
}

export function Alone({ us, testId = "go-alone", onDone }: Props) {
  const { strings, busy } = useApp();
  const [asking, setAsking] = useState(false);
  const words = strings.game;
  const go = () => void goOnAlone().then((done) => (done ? onDone?.() : setAsking(false)));
  return (
    <>
      <Button
        testId={testId}
        busy={busy === "alone"}
        needsNetwork
        onClick={() => (us.partner ? setAsking(true) : go())}
      >
        {strings.waiting.alone}
      </Button>
      {asking && (
        <Confirm
          title={words.aloneTitle}
          body={words.aloneBody}
          yes={strings.waiting.alone}
          no={strings.actions.notNow}
          busy={busy === "alone"}
          onYes={go}
          onNo={() => setAsking(false)}
        />
      )}
    </>
  );
}
