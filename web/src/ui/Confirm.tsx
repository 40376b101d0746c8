import { useEffect, useRef } from "preact/hooks";
import { Button } from "./Button";
import { DialogVoice } from "./voice";

interface Props {
  title: string;
  body: string;
  yes: string;
  no: string;
  busy: boolean;
  /** Neither answer is the safe one. */
  even?: boolean;
  onYes: () => void;
  onNo: () => void;
}

/** The browser's own modal dialog: it traps the focus, closes on Escape and gives the focus back. */
export function Confirm({ title, body, yes, no, busy, even = false, onYes, onNo }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      class="confirm"
      aria-labelledby="confirm-title"
      aria-describedby="confirm-body"
      closedby="any"
      onCancel={onNo}
      data-testid="confirm"
    >
      <h2 id="confirm-title">{title}</h2>
      <p id="confirm-body">{body}</p>
      <Button testId="confirm-no" kind={even ? "plain" : "primary"} onClick={onNo}>
        {no}
      </Button>
      <Button testId="confirm-yes" kind="plain" busy={busy} needsNetwork onClick={onYes}>
        {yes}
      </Button>
      <DialogVoice />
    </dialog>
  );
}
