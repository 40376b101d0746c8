/** The page's own life, as far as a connection goes along with it. */

/** Looked away from for this long, a page is not looked at any more: a locked phone is away for its partner. */
export const HIDDEN_FOR_MS = 5_000;

export interface PageHooks {
  /** Nobody looks any more: hidden for a while, or frozen or put away at once. */
  onSleep(): void;
  /** Somebody looks again. */
  onSeen(): void;
  /** What the browser believes of the network. */
  onOnline(): void;
  onOffline(): void;
  onTouch(): void;
}

/** Returns how to stop watching. */
export function watchPage(hooks: PageHooks): () => void {
  let hidden: ReturnType<typeof setTimeout> | undefined;
  const hide = () => {
    clearTimeout(hidden);
    hidden = setTimeout(hooks.onSleep, HIDDEN_FOR_MS);
  };
  const look = () => {
    if (document.visibilityState !== "visible") return hide();
    clearTimeout(hidden);
    hooks.onSeen();
  };
  const leave = () => {
    clearTimeout(hidden);
    hooks.onSleep();
  };
  const ofWindow = [
    ["online", hooks.onOnline],
    ["offline", hooks.onOffline],
    ["pageshow", look],
    ["pagehide", leave],
    ["pointerdown", hooks.onTouch],
    ["keydown", hooks.onTouch],
  ] as const;
  const ofDocument = [
    ["visibilitychange", look],
    ["freeze", leave],
    ["resume", look],
  ] as const;
  for (const [name, listener] of ofWindow) addEventListener(name, listener);
  for (const [name, listener] of ofDocument) document.addEventListener(name, listener);
  if (document.visibilityState !== "visible") hide();
  return () => {
    clearTimeout(hidden);
    for (const [name, listener] of ofWindow) removeEventListener(name, listener);
    for (const [name, listener] of ofDocument) document.removeEventListener(name, listener);
  };
}
