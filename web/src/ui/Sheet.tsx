import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useApp } from "../store";
import { Button } from "./Button";
import { NoNetwork } from "./lost";
import { ProblemNote } from "./ProblemNote";
import { DialogVoice } from "./voice";

interface Props {
  testId: string;
  title: string;
  close: string;
  onClose: () => void;
  children: ComponentChildren;
}

/**
 * A sheet over the screen: the browser's own modal dialog, which keeps the focus and gives it back. What is under it can
 * neither be read nor pressed, so a problem is told here.
 */
export function Sheet({ testId, title, close, onClose, children }: Props) {
  const { problem } = useApp();
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      class="confirm sheet"
      aria-labelledby={`${testId}-title`}
      data-testid={testId}
      closedby="any"
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <h2 id={`${testId}-title`}>{title}</h2>
      <div class="sheet-body">
        <NoNetwork />
        {problem && <ProblemNote problem={problem} />}
        {children}
      </div>
      <Button testId={`${testId}-close`} kind="quiet" onClick={onClose}>
        {close}
      </Button>
      <DialogVoice />
    </dialog>
  );
}
