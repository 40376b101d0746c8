/** A short buzz where the phone can and may: never for those who asked for less motion, nor before the first touch. */
export function nudge(): void {
  if (typeof navigator.vibrate !== "function") return;
  if (navigator.userActivation?.hasBeenActive === false) return;
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  navigator.vibrate(18);
}
