/**
 * What this phone holds of a session: in sessionStorage for this tab, and an expiring localStorage copy so that a closed tab
 * or a second scan can resume. Both are erased at the end of the session. Storage may be missing or full (private windows):
 * the session then simply lives as long as the page.
 */
import type { Card, PairingOffer, Role } from "../api/types";

export interface SavedSession {
  table_token: string;
  session_id: string;
  participant_id: string;
  role: Role;
  credential: string;
  expires_at: string;
}

const key = (tableToken: string) => `twotop.session.${tableToken}`;
const DEALT = "twotop.dealt.";
const dealtKey = (sessionId: string) => `${DEALT}${sessionId}`;
const offerKey = (sessionId: string) => `twotop.offer.${sessionId}`;
const draftKey = (sessionId: string) => `twotop.draft.${sessionId}`;
const FIELDS = ["table_token", "session_id", "participant_id", "role", "credential", "expires_at"] as const;

function attempt<T>(action: () => T): T | null {
  try {
    return action();
  } catch {
    return null;
  }
}

function read(storage: Storage, tableToken: string, now: number): SavedSession | null {
  const raw = storage.getItem(key(tableToken));
  if (raw === null) return null;
  const saved = attempt(() => JSON.parse(raw) as Record<string, unknown>);
  const whole = saved !== null && typeof saved === "object" && FIELDS.every((name) => typeof saved[name] === "string");
  if (!whole || now >= Date.parse(saved["expires_at"] as string)) {
    storage.removeItem(key(tableToken));
    return null;
  }
  return saved as unknown as SavedSession;
}

export function loadSession(tableToken: string, now: number): SavedSession | null {
  return (
    attempt(() => read(sessionStorage, tableToken, now)) ?? attempt(() => read(localStorage, tableToken, now)) ?? null
  );
}

/** The session that this very tab was in: after a reload or a restored tab it goes on without asking. */
export function loadSessionOfTab(tableToken: string, now: number): SavedSession | null {
  return attempt(() => read(sessionStorage, tableToken, now));
}

export function saveSession(saved: SavedSession): void {
  const text = JSON.stringify(saved);
  attempt(() => sessionStorage.setItem(key(saved.table_token), text));
  attempt(() => localStorage.setItem(key(saved.table_token), text));
}

/** Erases both copies; a newer session of the same table in the other storage is left alone. */
export function forgetSession(tableToken: string, sessionId: string): void {
  for (const storage of [() => sessionStorage, () => localStorage]) {
    attempt(() => {
      const held = read(storage(), tableToken, 0);
      if (held === null || held.session_id === sessionId) storage().removeItem(key(tableToken));
      storage().removeItem(dealtKey(sessionId));
    });
  }
  attempt(() => sessionStorage.removeItem(offerKey(sessionId)));
  forgetDraft(sessionId);
}

/** A table at which this phone still has a session: the installed app opens without an address. */
export function tableOfSession(now: number): string | null {
  sweepExpired(now);
  const names = attempt(() => Object.keys(localStorage).filter((name) => name.startsWith("twotop.session."))) ?? [];
  const held = names
    .map((name) => loadSession(name.slice("twotop.session.".length), now))
    .filter((one) => one !== null);
  held.sort((one, other) => Date.parse(other.expires_at) - Date.parse(one.expires_at));
  return held[0]?.table_token ?? null;
}

/** Drops every copy whose time is over, of any table: nothing of a past evening stays on a phone. */
export function sweepExpired(now: number): void {
  attempt(() => {
    const held = new Set<string | undefined>();
    for (const name of Object.keys(localStorage)) {
      if (name.startsWith("twotop.session."))
        held.add(read(localStorage, name.slice("twotop.session.".length), now)?.session_id);
    }
    for (const name of Object.keys(localStorage)) {
      if (name.startsWith(DEALT) && !held.has(name.slice(DEALT.length))) localStorage.removeItem(name);
    }
  });
}

/** The code on A's own screen, kept for this tab so that a reload shows it again. It is of no use after its expiry. */
export function saveOffer(sessionId: string, offer: PairingOffer): void {
  attempt(() => sessionStorage.setItem(offerKey(sessionId), JSON.stringify(offer)));
}

export function loadOffer(sessionId: string, now: number): PairingOffer | null {
  const raw = attempt(() => sessionStorage.getItem(offerKey(sessionId)));
  const offer = raw ? attempt(() => JSON.parse(raw) as PairingOffer) : null;
  return offer !== null && typeof offer.code === "string" && now < Date.parse(offer.expires_at) ? offer : null;
}

export function forgetOffer(sessionId: string): void {
  attempt(() => sessionStorage.removeItem(offerKey(sessionId)));
}

/** Which cards this phone has seen: without a network they can be read again after a reload, and in another tab. */
export function saveDealt(sessionId: string, dealt: readonly Card[]): void {
  const text = JSON.stringify(dealt);
  attempt(() => sessionStorage.setItem(dealtKey(sessionId), text));
  attempt(() => localStorage.setItem(dealtKey(sessionId), text));
}

export function loadDealt(sessionId: string): readonly Card[] {
  const name = dealtKey(sessionId);
  const raw = attempt(() => sessionStorage.getItem(name)) ?? attempt(() => localStorage.getItem(name));
  const dealt = raw ? attempt(() => JSON.parse(raw) as Card[]) : null;
  return Array.isArray(dealt) ? dealt : [];
}

/** An answer that is being written to a card: neither a reload in mid-sentence nor "not now" loses a word. */
export interface Draft {
  card: string;
  text: string;
  /** Its form is: what was put off comes back only when asked for. */
  open: boolean;
}

export function saveDraft(sessionId: string, draft: Draft): void {
  attempt(() => sessionStorage.setItem(draftKey(sessionId), JSON.stringify(draft)));
}

export function loadDraft(sessionId: string, card: string): Draft | null {
  const raw = attempt(() => sessionStorage.getItem(draftKey(sessionId)));
  const draft = raw ? attempt(() => JSON.parse(raw) as Partial<Draft> | null) : null;
  if (draft?.card !== card || typeof draft.text !== "string") return null;
  return { card, text: draft.text, open: draft.open === true };
}

export function forgetDraft(sessionId: string): void {
  attempt(() => sessionStorage.removeItem(draftKey(sessionId)));
}
