import { useEffect, useRef } from "preact/hooks";
import { Button } from "./Button";
import { DialogVoice } from "./voice";

interface Props {
  title: string;
  body: string;
  yes: string;
  no: string;
  busy: boolean;
  onYes: () => void;
  onNo: () => void;
}

/** The browser's own modal dialog: it traps the focus, closes on Escape and gives the focus back. */
export function Confirm({ title, body, yes, no, busy, onYes, onNo }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={ref} class="confirm" aria-labelledby="confirm-title" onCancel={onNo} data-testid="confirm">
      <h2 id="confirm-title">{title}</h2>
      <p>{body}</p>
      <Button testId="confirm-no" kind="primary" onClick={onNo}>
        {no}
      </Button>
      <Button testId="confirm-yes" kind="plain" busy={busy} needsNetwork onClick={onYes}>
        {yes}
      </Button>
      <DialogVoice />
    </dialog>
  );
}
