/** Everything that is not the card: other questions, a new round, company, the end. */
import { useState } from "preact/hooks";
import { goOnWithout, startAfresh } from "../../playing";
import { useApp, useStrings } from "../../store";
import { Button } from "../../ui/Button";
import { Confirm } from "../../ui/Confirm";
import { EndRound } from "../../ui/EndRound";
import { Sheet } from "../../ui/Sheet";
import type { Company } from "../company";
import type { Panel } from "./Game";

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
  onPanel: (panel: Panel) => void;
  onInvite: () => void;
}

export function Menu({ us, onPanel, onInvite }: Props) {
  const { strings, picture, me, table, busy } = useApp();
  const words = strings.game;
  const hosts = me?.role === "A";
  const inviting = picture?.dual_status === "waiting" || picture?.dual_status === "expired";
  const missing = us.partner === undefined || us.status === "gone";
  const mayInvite = hosts && !inviting && missing && table?.offers.dual !== false;
  const close = () => onPanel(null);
  return (
    <Sheet testId="menu-sheet" title={words.menu} close={words.toCards} onClose={close}>
      <Button testId="other-context" needsNetwork onClick={() => onPanel("context")}>
        {words.otherContext}
      </Button>
      <Afresh asks={us.partner === undefined} onDone={close} />
      {mayInvite && (
        <Button
          testId={us.dual ? "invite-again" : "invite-second"}
          busy={busy === "code"}
          needsNetwork
          onClick={() => {
            close();
            onInvite();
          }}
        >
          {us.dual ? strings.ready.inviteAgain : strings.single.invite}
        </Button>
      )}
      {hosts && us.dual && missing && <Alone partnerOnRoster={us.partner !== undefined} onDone={close} />}
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

/** Whoever has a seat may lose it only after a question. */
function Alone({ partnerOnRoster, onDone }: { partnerOnRoster: boolean; onDone: () => void }) {
  const { strings, busy } = useApp();
  const [asking, setAsking] = useState(false);
  const words = strings.game;
  const go = () => void goOnWithout().then((done) => (done ? onDone() : setAsking(false)));
  return (
    <>
      <Button
        testId="go-alone"
        busy={busy === "alone"}
        needsNetwork
        onClick={() => (partnerOnRoster ? setAsking(true) : go())}
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
