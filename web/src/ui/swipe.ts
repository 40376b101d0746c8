/** Swiping a card with a finger or pen, or turning it with the arrow keys. Never the only way: every swipe has its button. */
import { useEffect, useRef } from "preact/hooks";

export type Swipe = "left" | "right";

const FAR_PX = 72;
const STRAIGHT = 1.6;
const KEYS: Readonly<Record<string, Swipe>> = { ArrowRight: "left", ArrowLeft: "right" };

/** What a finger that moved so far meant; null for a tap, a scroll or second thoughts. */
export function swipeOf(dx: number, dy: number): Swipe | null {
  if (Math.abs(dx) < FAR_PX || Math.abs(dx) < Math.abs(dy) * STRAIGHT) return null;
  return dx < 0 ? "left" : "right";
}

/** Whoever has made the page larger moves about on it: a finger then turns nothing. */
function isZoomed(): boolean {
  return (visualViewport?.scale ?? 1) > 1.01;
}

/** Arrows move within fields and the list of languages; under a sheet the card lies still. */
function hasOwnUse(target: EventTarget | null): boolean {
  const inField = target instanceof Element && target.closest("textarea, input, select") !== null;
  return inField || document.querySelector("dialog[open]") !== null;
}

/** `onSwipe` may change between renders. The element follows the finger through `--drag`, unless less motion is wished. */
export function useSwipe<E extends HTMLElement>(onSwipe: (swipe: Swipe) => void) {
  const ref = useRef<E>(null);
  const latest = useRef(onSwipe);
  latest.current = onSwipe;
  useEffect(() => (ref.current === null ? undefined : listen(ref.current, (swipe) => latest.current(swipe))), []);
  return ref;
}

/** Until the function it gives is called. */
export function listen(card: HTMLElement, onSwipe: (swipe: Swipe) => void): () => void {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let from: { id: number; x: number; y: number } | null = null;
  const settle = () => {
    from = null;
    card.classList.remove("dragged");
    card.style.removeProperty("--drag");
  };
  const down = (event: PointerEvent) => {
    if (event.pointerType === "mouse" || !event.isPrimary || isZoomed()) return;
    // In a text field a finger moves the cursor.
    if (event.target instanceof Element && event.target.closest("textarea, input")) return;
    from = { id: event.pointerId, x: event.clientX, y: event.clientY };
  };
  // A second finger, wherever it is put, makes the gesture a pinch.
  const another = (event: PointerEvent) => {
    if (!event.isPrimary) settle();
  };
  const move = (event: PointerEvent) => {
    if (from === null || event.pointerId !== from.id || calm.matches) return;
    const dx = event.clientX - from.x;
    if (Math.abs(dx) < Math.abs(event.clientY - from.y)) return;
    card.classList.add("dragged");
    card.style.setProperty("--drag", `${Math.round(dx * 0.6)}px`);
  };
  const up = (event: PointerEvent) => {
    if (from === null || event.pointerId !== from.id) return;
    const swipe = isZoomed() ? null : swipeOf(event.clientX - from.x, event.clientY - from.y);
    settle();
    if (swipe !== null) onSwipe(swipe);
  };
  const key = (event: KeyboardEvent) => {
    const turned = KEYS[event.key];
    const meant = !event.repeat && !event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (turned !== undefined && meant && !isZoomed() && !hasOwnUse(event.target)) onSwipe(turned);
  };
  const zoom = () => card.classList.toggle("zoomed", isZoomed());
  zoom();
  card.addEventListener("pointerdown", down);
  card.addEventListener("pointermove", move);
  card.addEventListener("pointerup", up);
  card.addEventListener("pointercancel", settle);
  addEventListener("pointerdown", another);
  addEventListener("keydown", key);
  visualViewport?.addEventListener("resize", zoom);
  return () => {
    card.removeEventListener("pointerdown", down);
    card.removeEventListener("pointermove", move);
    card.removeEventListener("pointerup", up);
    card.removeEventListener("pointercancel", settle);
    removeEventListener("pointerdown", another);
    removeEventListener("keydown", key);
    visualViewport?.removeEventListener("resize", zoom);
  };
}
