/** Ending the round (A, or the only phone) or leaving it (B), after one more question. */
import { useState } from "preact/hooks";
import { endSession, leave } from "../playing";
import { useApp } from "../store";
import { Button } from "./Button";
import { Confirm } from "./Confirm";

export function EndRound() {
  const { me, picture, strings, busy } = useApp();
  const [asking, setAsking] = useState(false);
  const words = strings.session;
  const leaves = me?.role === "B";
  const alone = picture?.members.filter((one) => one.present).length === 1;
  const confirmed = () => {
    setAsking(false);
    void (leaves ? leave() : endSession());
  };
  return (
    <div class="end-round">
      <Button
        testId={leaves ? "leave-session" : "end-session"}
        kind="quiet"
        busy={busy === "end"}
        needsNetwork
        onClick={() => setAsking(true)}
      >
        {leaves ? words.leave : words.end}
      </Button>
      {asking && (
        <Confirm
          title={leaves ? words.leaveTitle : alone ? words.endTitleOnePhone : words.endTitle}
          body={leaves ? words.leaveBody : alone ? words.endBodyOnePhone : words.endBody}
          yes={leaves ? words.leave : words.end}
          no={words.keep}
          busy={busy === "end"}
          onYes={confirmed}
          onNo={() => setAsking(false)}
        />
      )}
    </div>
  );
}
