/** The one polite voice for screen readers. It stands at the root: a region that came with its words would not be read. */
import { useEffect, useRef, useState } from "preact/hooks";
import { say, useApp } from "../store";

/** Says `text` when it comes up or changes, but not what was there from the start. */
export function useSaid(text: string | null): void {
  const before = useRef(text);
  useEffect(() => {
    if (before.current === text) return;
    before.current = text;
    if (text !== null) say(text);
  }, [text]);
}

export function Voice() {
  const { announcement } = useApp();
  return (
    <div class="visually-hidden" aria-live="polite" data-testid="announcement">
      <p key={announcement.key}>{announcement.text}</p>
    </div>
  );
}

/** The voice while a modal dialog is open, which silences all that is under it: says what comes from then on. */
export function DialogVoice() {
  const { announcement } = useApp();
  const [opened] = useState(announcement.key);
  return (
    <div class="visually-hidden" aria-live="polite" data-testid="dialog-announcement">
      <p key={announcement.key}>{announcement.key === opened ? "" : announcement.text}</p>
    </div>
  );
}
