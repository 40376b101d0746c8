/** Joining a partner's round: six letters typed, or a link that was scanned. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { dismissProblem, goBack, joinByCode, partnerCame, SPENT } from "../actions";
import type { ProblemCode } from "../api/problems";
import { CODE_LENGTH, caretInCode, codeLetters, formatCode, hasForeignLetters } from "../pairing/code";
import { useApp, useStrings } from "../store";
import { Button } from "../ui/Button";
import { ProblemNote } from "../ui/ProblemNote";
import { Back, Heading, Shell } from "../ui/Shell";

/** Of these letters one may be wrong. */
const MISTYPED: ProblemCode = "code_invalid";

export function Join() {
  const { problem, busy, me, offer } = useApp();
  const words = useStrings().join;
  const [typed, setTyped] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const letters = codeLetters(typed);
  const whole = letters.length === CODE_LENGTH;
  const own = whole && me !== null && offer !== null && letters === codeLetters(offer.code);
  const foreign = hasForeignLetters(typed);
  const refused = problem !== null && (problem.code === MISTYPED || SPENT.has(problem.code));
  usePartnerCame();
  // Phones open their keyboard only for a focus that comes with the tap itself.
  useLayoutEffect(() => field.current?.focus({ preventScroll: true }), []);
  const type = (value: string) => {
    // Other letters are another wish: trying again would send the old ones.
    if (problem !== null) dismissProblem();
    setTyped(value);
  };
  const submit = () => {
    if (whole && !own) void joinByCode(letters);
    else field.current?.focus();
  };
  const again = () => {
    if (problem !== null && SPENT.has(problem.code)) setTyped("");
    dismissProblem();
    field.current?.focus();
    field.current?.select();
  };
  return (
    <Shell stage={{ left: "here", right: "expected", compact: true }}>
      <Back onClick={goBack} />
      <Heading testId="screen-join" focused={false}>
        {words.title}
      </Heading>
      <p class="lead">{words.body}</p>
      <form
        class="join-form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <label for="code">{words.label}</label>
        <CodeField typed={typed} onType={type} refused={refused} fieldRef={field} />
        <p id="code-hint" class={own || foreign ? "hint hint-warn" : "hint"} data-testid="code-hint" aria-live="polite">
          {own ? words.own : foreign ? words.foreign : words.hint}
        </p>
        {problem && <ProblemNote key={problem.code} id="code-problem" problem={problem} onOtherCode={again} />}
        {problem === null && (
          <Button testId="join-submit" type="submit" kind="primary" busy={busy === "join"} disabled={!whole || own}>
            {words.submit}
          </Button>
        )}
      </form>
    </Shell>
  );
}

/** Both phones may show a code. When the partner was quicker to type this one's, there is nothing left to type here. */
function usePartnerCame(): void {
  const { picture, busy } = useApp();
  const [before] = useState(picture?.dual_status);
  const came = picture?.dual_status === "paired" && before !== "paired";
  useEffect(() => {
    if (came && busy === null) partnerCame();
  }, [came, busy]);
}

interface FieldProps {
  typed: string;
  onType: (typed: string) => void;
  /** What was typed was not accepted. */
  refused: boolean;
  fieldRef: { current: HTMLInputElement | null };
}

function CodeField({ typed, onType, refused, fieldRef }: FieldProps) {
  return (
    <input
      ref={fieldRef}
      id="code"
      class="code-input"
      data-testid="code-input"
      value={formatCode(codeLetters(typed))}
      onInput={(event) => {
        const field = event.currentTarget;
        const { value } = field;
        const caret = caretInCode(value, field.selectionStart ?? value.length);
        onType(value);
        // What is shown is always the clean code, also when the typed letter changed nothing.
        field.value = formatCode(codeLetters(value));
        field.setSelectionRange(caret, caret);
      }}
      placeholder="···-···"
      autoComplete="off"
      autoCapitalize="characters"
      autoCorrect="off"
      spellcheck={false}
      inputMode="text"
      enterKeyHint="go"
      maxLength={24}
      aria-describedby={refused ? "code-problem code-hint" : "code-hint"}
      aria-invalid={refused}
    />
  );
}

/** The link does the typing: this shows for a moment, or says why it could not be. */
export function Joining() {
  const { problem } = useApp();
  const words = useStrings().join;
  if (problem !== null) {
    return (
      <Shell stage={{ left: "here", right: "free" }}>
        <Heading key="refused" testId="screen-not-joined">
          {words.notJoined}
        </Heading>
        <ProblemNote problem={problem} {...(problem.code === "code_invalid" ? { words: words.linkInvalid } : {})} />
      </Shell>
    );
  }
  return (
    <Shell stage={{ left: "here", right: "expected" }}>
      <div class="centred">
        <Heading testId="screen-joining">{words.joining}</Heading>
        <p class="lead">{words.joiningBody}</p>
      </div>
    </Shell>
  );
}
