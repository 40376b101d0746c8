/** Everything that is not the card: other questions, a new round, company, the end. */
import { useState } from "preact/hooks";
import { startAfresh } from "../../playing";
import { useApp, useStrings } from "../../store";
import { Button } from "../../ui/Button";
import { Confirm } from "../../ui/Confirm";
import { EndRound } from "../../ui/EndRound";
import { Sheet } from "../../ui/Sheet";
import { Alone } from "../Alone";
import type { Company } from "../company";

export function MenuButton({ onClick }: { onClick: () => void }) {
  const words = useStrings().game;
  return (
    <button type="button" class="menu-button" data-testid="menu" aria-haspopup="dialog" onClick={onClick}>
      <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
        <path d="M4 7h16M4 12h16M4 17h16" />
      </svg>
      <span class="visually-hidden">{words.menu}</span>
    </button>
  );
}

interface Props {
  us: Company;
  onOther: () => void;
  onInvite: () => void;
  onClose: () => void;
}

export function Menu({ us, onOther, onInvite, onClose }: Props) {
  const { strings, busy } = useApp();
  const words = strings.game;
  return (
    <Sheet testId="menu-sheet" title={words.menu} close={words.toCards} onClose={onClose}>
      <Button testId="other-context" needsNetwork onClick={onOther}>
        {words.otherContext}
      </Button>
      <Afresh asks={us.partner === undefined} onDone={onClose} />
      {us.mayInvite && (
        <Button
          testId={us.dual ? "invite-again" : "invite-second"}
          busy={busy === "code"}
          needsNetwork
          onClick={() => {
            onClose();
            onInvite();
          }}
        >
          {us.dual ? strings.ready.inviteAgain : strings.single.invite}
        </Button>
      )}
      {us.mayGoAlone && <Alone us={us} onDone={onClose} />}
      <EndRound />
    </Sheet>
  );
}

/** With two phones the other one has to agree; one phone alone is asked whether it means it. */
function Afresh({ asks, onDone }: { asks: boolean; onDone: () => void }) {
  const { strings, pressed } = useApp();
  const [asking, setAsking] = useState(false);
  const words = strings.game;
  const go = () => void startAfresh().then((done) => (done ? onDone() : setAsking(false)));
  return (
    <>
      <Button
        testId="start-afresh"
        busy={pressed === "afresh"}
        needsNetwork
        onClick={() => (asks ? setAsking(true) : go())}
      >
        {words.afresh}
      </Button>
      {asking && (
        <Confirm
          title={words.afreshTitle}
          body={words.afreshBody}
          yes={words.afresh}
          no={strings.actions.notNow}
          busy={pressed === "afresh"}
          onYes={go}
          onNo={() => setAsking(false)}
        />
      )}
    </>
  );
}
