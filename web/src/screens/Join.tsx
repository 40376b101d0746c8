/** Joining a partner's round: six letters typed, or a link that was scanned. */
import { useRef, useState } from "preact/hooks";
import { dismissProblem, goBack, joinByCode } from "../actions";
import type { ProblemCode } from "../api/problems";
import { CODE_LENGTH, caretInCode, codeLetters, formatCode, hasForeignLetters } from "../pairing/code";
import { useApp, useStrings } from "../store";
import { Button } from "../ui/Button";
import { ProblemNote } from "../ui/ProblemNote";
import { Back, Heading, Shell } from "../ui/Shell";

/** After these the typed letters are of no use: the field is emptied for the next code. */
const SPENT: ReadonlySet<ProblemCode> = new Set(["code_invalid", "code_expired", "already_paired"]);

export function Join() {
  const { problem, busy } = useApp();
  const words = useStrings().join;
  const [typed, setTyped] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const letters = codeLetters(typed);
  const whole = letters.length === CODE_LENGTH;
  const spent = problem !== null && SPENT.has(problem.code);
  const type = (value: string) => {
    // Other letters are another wish: trying again would send the old ones.
    if (problem !== null) dismissProblem();
    setTyped(value);
  };
  const submit = () => {
    if (whole) void joinByCode(letters);
    else field.current?.focus();
  };
  const again = () => {
    if (spent) setTyped("");
    dismissProblem();
    field.current?.focus();
  };
  return (
    <Shell stage={{ left: "here", right: "expected", compact: true }}>
      <Back onClick={goBack} />
      <Heading testId="screen-join">{words.title}</Heading>
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
        <CodeField typed={typed} onType={type} fieldRef={field} />
        <p id="code-hint" class={hasForeignLetters(typed) ? "hint hint-warn" : "hint"} aria-live="polite">
          {hasForeignLetters(typed) ? words.foreign : words.hint}
        </p>
        {problem && <ProblemNote key={problem.code} problem={problem} onOtherCode={again} />}
        {problem === null && (
          <Button testId="join-submit" type="submit" kind="primary" busy={busy === "join"} disabled={!whole}>
            {words.submit}
          </Button>
        )}
      </form>
    </Shell>
  );
}

interface FieldProps {
  typed: string;
  onType: (typed: string) => void;
  fieldRef: { current: HTMLInputElement | null };
}

function CodeField({ typed, onType, fieldRef }: FieldProps) {
  const { problem } = useApp();
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
      autoComplete="one-time-code"
      autoCapitalize="characters"
      autoCorrect="off"
      spellcheck={false}
      inputMode="text"
      enterKeyHint="go"
      maxLength={24}
      aria-describedby="code-hint"
      aria-invalid={problem !== null && SPENT.has(problem.code)}
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
      <Heading testId="screen-joining">{words.joining}</Heading>
      <p class="lead">{words.joiningBody}</p>
    </Shell>
  );
}
