import type { ComponentChildren } from "preact";

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
  children: ComponentChildren;
}

/** A busy button keeps its place and its focus, but takes no second press. */
export function Button(props: Props) {
  const { testId, onClick, kind = "plain", type = "button", busy, disabled, pressed, resting, children } = props;
  return (
    <button
      type={type}
      class={`button ${kind}${busy ? " busy" : ""}`}
      data-testid={testId}
      disabled={disabled}
      aria-busy={busy}
      aria-pressed={pressed}
      aria-disabled={resting || undefined}
      onClick={busy || resting ? undefined : onClick}
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
  disabled?: boolean;
}

export function Choice({ testId, title, hint, onClick, kind = "plain", icon, busy, disabled }: ChoiceProps) {
  return (
    <button
      type="button"
      class={`choice ${kind}${busy ? " busy" : ""}`}
      data-testid={testId}
      aria-busy={busy}
      disabled={disabled}
      onClick={busy ? undefined : onClick}
    >
      {icon}
      <span class="choice-words">
        <span class="choice-title">{title}</span>
        <span class="choice-hint">{hint}</span>
      </span>
    </button>
  );
}
