/** The decision point: carry on, start something new, or join with a code. */
import { useState } from "preact/hooks";
import { go, resume } from "../actions";
import { useApp } from "../store";
import { Button, Choice } from "../ui/Button";
import { JoinPhone, OnePhone, TwoPhones } from "../ui/icons";
import { ProblemNote } from "../ui/ProblemNote";
import { Heading, Shell } from "../ui/Shell";

export function Decide() {
  const { table, saved, strings, problem } = useApp();
  const [fresh, setFresh] = useState(false);
  const words = strings.decide;
  const open = table?.status === "open";
  const offers = table?.offers ?? { play: false, dual: false };
  return (
    <Shell stage={{ left: saved ? "here" : "free", right: "free" }}>
      {saved && !fresh ? (
        <>
          <Heading testId="screen-resume">{words.resumeTitle}</Heading>
          <p class="lead">{words.resumeBody}</p>
          <Button testId="resume" kind="primary" onClick={() => resume(saved)}>
            {words.resume}
          </Button>
          {open && offers.play && (
            <Button testId="start-new" onClick={() => setFresh(true)}>
              {words.startNew}
            </Button>
          )}
          {open && offers.dual && (
            <Button testId="join-with-code" kind="quiet" onClick={() => go({ name: "join" })}>
              {words.join}
            </Button>
          )}
        </>
      ) : (
        <>
          <Heading key="fresh" testId="screen-decide">
            {saved ? words.chooseTitle : words.title}
          </Heading>
          <p class="lead">{offers.play ? words.body : words.playOff}</p>
          {problem && <ProblemNote problem={problem} />}
          {offers.play && <Choices dual={offers.dual} />}
          {saved && (
            <Button testId="resume" kind="quiet" onClick={() => resume(saved)}>
              {words.resume}
            </Button>
          )}
        </>
      )}
    </Shell>
  );
}

function Choices({ dual }: { dual: boolean }) {
  const words = useApp().strings.decide;
  return (
    <>
      {dual ? (
        <Choice
          testId="start-two-phones"
          kind="primary"
          title={words.two}
          hint={words.twoHint}
          icon={<TwoPhones />}
          onClick={() => go({ name: "context", mode: "dual" })}
        />
      ) : (
        <p class="aside" data-testid="dual-off">
          {words.dualOff}
        </p>
      )}
      <Choice
        testId="start-one-phone"
        kind={dual ? "plain" : "primary"}
        title={words.one}
        hint={words.oneHint}
        icon={<OnePhone />}
        onClick={() => go({ name: "context", mode: "single" })}
      />
      {dual && (
        <Choice
          testId="join-with-code"
          title={words.join}
          hint={words.joinHint}
          icon={<JoinPhone />}
          onClick={() => go({ name: "join" })}
        />
      )}
    </>
  );
}
