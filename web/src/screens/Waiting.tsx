/** A waits for B: the code to read aloud, the square to scan, and a way on when the code is of no use any more. */
import { useEffect, useState } from "preact/hooks";
import { go } from "../actions";
import type { PairingOffer } from "../api/types";
import { codeLetters, formatCode, localJoinUrl, spellCode } from "../pairing/code";
import { newCode } from "../playing";
import { useApp, useStrings } from "../store";
import { Button } from "../ui/Button";
import { formatSeconds } from "../ui/clock";
import { copyText } from "../ui/copy";
import { EndRound } from "../ui/EndRound";
import { NoNetwork } from "../ui/lost";
import { ProblemNote } from "../ui/ProblemNote";
import { Qr } from "../ui/Qr";
import { Heading, Shell } from "../ui/Shell";
import { Alone } from "./Alone";
import { type Company, company } from "./company";
import { Wishes } from "./game/Wishes";
import { useOffer } from "./offer";
import { ReadyButton } from "./Ready";

export function Waiting() {
  const app = useApp();
  const { strings, problem, busy, table } = app;
  const { good, reason } = useOffer();
  const us = company(app);
  const words = strings.waiting;
  return (
    <Shell stage={{ left: "here", right: good ? "expected" : "free", compact: true }}>
      {good ? (
        <>
          <Heading key="good" testId="screen-waiting">
            {words.title}
          </Heading>
          <p class="lead">{words.body}</p>
          <Invitation offer={good.offer} left={good.left} />
        </>
      ) : (
        <NoCode reason={reason} />
      )}
      {us.partner && us.status === undefined && app.unheard && <PerhapsBack us={us} />}
      <NoNetwork />
      {problem && <ProblemNote problem={problem} />}
      {!good && (
        <Button testId="new-code" kind="primary" busy={busy === "code"} needsNetwork onClick={() => void newCode()}>
          {words.newCode}
        </Button>
      )}
      {table?.offers.dual !== false && (
        <Button testId="join-with-code" kind="quiet" onClick={() => go({ name: "join" })}>
          {words.haveCode}
        </Button>
      )}
      <Alone us={us} />
      <EndRound />
    </Shell>
  );
}

/** Nobody says where the partner is who had the seat. Back again it keeps it, and no code brings anybody else here. */
function PerhapsBack({ us }: { us: Company }) {
  const { ready, waiting } = useStrings();
  return (
    <div class="aside" data-testid="perhaps-back">
      <p>{us.iAmReady ? ready.waitingForPartner : us.partnerReady ? ready.partnerWaits : waiting.perhapsBack}</p>
      <ReadyButton us={us} />
      <Wishes us={us} resting={false} />
    </div>
  );
}

/** The code to read aloud and the square to scan. */
export function Invitation({ offer, left }: { offer: PairingOffer; left: number }) {
  const words = useStrings().waiting;
  const code = formatCode(codeLetters(offer.code));
  const link = localJoinUrl(offer.join_url, location.origin);
  return (
    <div class="invitation">
      <section class="qr-card" aria-labelledby="qr-label">
        <h2 id="qr-label" class="qr-caption">
          {words.scan}
        </h2>
        <Qr text={link} label={words.qrLabel} />
      </section>
      <section class="code-card" aria-labelledby="code-label">
        <h2 id="code-label" class="card-label">
          {words.codeLabel}
        </h2>
        <p class="code" data-testid="pairing-code" data-code={code}>
          <span class="visually-hidden">{spellCode(code)}</span>
          <span aria-hidden="true" class="code-letters">
            {code}
          </span>
        </p>
        <p class="countdown" role="timer" data-testid="code-countdown">
          {words.expiresIn(formatSeconds(left))}
        </p>
        <div class="code-ways">
          <Copy code={code} />
          {"share" in navigator && (
            <Button testId="share-link" kind="quiet" onClick={() => void share(link)}>
              {words.share}
            </Button>
          )}
        </div>
      </section>
    </div>
  );
}

/** A guest who thinks better of it is no failure, and the code beside it does the same. */
async function share(url: string): Promise<void> {
  await navigator.share({ url }).catch(() => undefined);
}

function Copy({ code }: { code: string }) {
  const words = useStrings().waiting;
  const [copied, setCopied] = useState<boolean | null>(null);
  useEffect(() => {
    if (copied === null) return;
    const timer = setTimeout(() => setCopied(null), 2_500);
    return () => clearTimeout(timer);
  }, [copied]);
  const said = copied === null ? words.copy : copied ? words.copied : words.notCopied;
  return (
    <Button testId="copy-code" kind="quiet" onClick={() => void copyText(code).then(setCopied)}>
      <span aria-live="polite">{said}</span>
    </Button>
  );
}

function NoCode({ reason }: { reason: "expired" | "withdrawn" | "hidden" }) {
  const words = useStrings().waiting;
  return (
    <div data-testid="code-gone" data-reason={reason}>
      <Heading key={reason} testId="screen-no-code">
        {words[`${reason}Title`]}
      </Heading>
      <p class="lead">{words[`${reason}Body`]}</p>
    </div>
  );
}
