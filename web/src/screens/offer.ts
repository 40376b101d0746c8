import type { PairingOffer } from "../api/types";
import { useApp } from "../store";
import { useNow } from "../ui/clock";

interface Offered {
  /** The code while it is of use: this tab knows it, it has not run out, and nobody has taken it. */
  good: { offer: PairingOffer; left: number } | null;
  /** Otherwise, why there is none to show. */
  reason: "expired" | "withdrawn" | "hidden";
}

/** A's invitation, second by second. `left` is in seconds. */
export function useOffer(): Offered {
  const { picture, offer } = useApp();
  const now = useNow(offer !== null);
  const ended = picture?.pairing_ended ?? null;
  const left = offer ? (Date.parse(offer.expires_at) - now) / 1_000 : 0;
  const ranOut = ended === "expired" || (offer !== null && left <= 0);
  return {
    good: picture?.dual_status === "waiting" && offer !== null && left > 0 ? { offer, left } : null,
    reason: ended === "withdrawn" ? "withdrawn" : ranOut ? "expired" : "hidden",
  };
}
