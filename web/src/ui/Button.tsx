import type { ComponentChildren, RefObject } from "preact";
import { useOff } from "./lost";

interface Props {
  testId: string;
  onClick?: () => void;
  kind?: "primary" | "plain" | "quiet";
  type?: "button" | "submit";
  busy?: boolean;
  disabled?: boolean;
  pressed?: boolean;
  /** Takes no press for a moment, but keeps its look and its focus. */
  resting?: boolean;
  /** Takes none either while it could not be sent. */
  needsNetwork?: boolean;
  elementRef?: RefObject<HTMLButtonElement | null>;
  children: ComponentChildren;
}

/** Also keeps a form from being sent. */
const refuse = (event: Event) => event.preventDefault();

/** A busy button keeps its place and its focus, but takes no second press. */
export function Button(props: Props) {
  const { testId, onClick, kind = "plain", type = "button", busy, disabled, pressed, resting, children } = props;
  const off = useOff() && props.needsNetwork === true;
  return (
    <button
      ref={props.elementRef ?? null}
      type={type}
      class={`button ${kind}${busy ? " busy" : ""}${off ? " off" : ""}`}
      data-testid={testId}
      disabled={disabled}
      aria-busy={busy}
      aria-pressed={pressed}
      aria-disabled={resting || off || undefined}
      aria-describedby={off ? "connection-state" : undefined}
      onClick={busy || resting || off ? refuse : onClick}
    >
      {children}
    </button>
  );
}

interface ChoiceProps {
  testId: string;
  title: string;
  hint: string;
  onClick: () => void;
  kind?: "primary" | "plain";
  icon?: ComponentChildren;
  busy?: boolean;
}

export function Choice({ testId, title, hint, onClick, kind = "plain", icon, busy }: ChoiceProps) {
  const off = useOff();
  return (
    <button
      type="button"
      class={`choice ${kind}${busy ? " busy" : ""}${off ? " off" : ""}`}
      data-testid={testId}
      aria-busy={busy}
      aria-disabled={off || undefined}
      aria-describedby={off ? "connection-state" : undefined}
      onClick={busy || off ? undefined : onClick}
    >
      {icon}
      <span class="choice-words">
        <span class="choice-title">{title}</span>
        <span class="choice-hint">{hint}</span>
      </span>
    </button>
  );
}
