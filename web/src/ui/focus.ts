/** Who gets the focus when the element that had it is taken off the page: without an heir it would fall to the page's top. */
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect } from "preact/hooks";

let held: Element | null = null;
let watching = false;

function watch(): void {
  if (watching) return;
  watching = true;
  document.addEventListener("focusin", ({ target }) => {
    held = target as Element;
  });
}

function inherit(heir: HTMLElement | null): void {
  const lost = held !== null && !held.isConnected && (document.activeElement ?? document.body) === document.body;
  if (lost) heir?.focus({ preventScroll: true });
}

/** `ref` inherits what is lost when `change` changes. */
export function useHeir(ref: RefObject<HTMLElement | null>, change: unknown): void {
  useEffect(watch, []);
  // Before `useLastHeir`, which is there for what nobody else inherits.
  useLayoutEffect(() => inherit(ref.current), [change]);
}

export function useLastHeir(ref: RefObject<HTMLElement | null>): void {
  useEffect(watch, []);
  useEffect(() => inherit(ref.current));
}
