/** The one store: a value, a way to change it, and a hook that shows it. */
import { useEffect, useState } from "preact/hooks";
import type { Problem } from "./api/problems";
import type { Answer, Card, Mode, PairingOffer, PresenceStatus, TableView } from "./api/types";
import { builtIn, type Language, type Strings } from "./i18n";
import type { Connection } from "./realtime/follow";
import type { SavedSession } from "./session/credentials";
import type { QuestionSets } from "./session/questions";
import type { SessionPicture } from "./session/state";

export type Route =
  | { name: "landing" }
  | { name: "loading" }
  | { name: "table_problem" }
  | { name: "decide" }
  | { name: "context"; mode: Mode }
  | { name: "join" }
  | { name: "joining" }
  | { name: "session" }
  | { name: "left" }
  /** This phone cannot go on in its session; `problem` says why. */
  | { name: "lost" };

/** What the guest asked for and the server has not answered yet. */
export type Busy = "start" | "join" | "code" | "alone" | "ready" | "context" | "opt_in" | "end" | null;

/** What was pressed at the card and is not answered yet. Apart from `Busy`: a press on its way to the log must not keep anybody from leaving. */
export type Pressed = "next" | "previous" | "skip" | "withdraw" | "afresh" | "change" | "hint" | "answer" | null;

export interface AppState {
  language: Language;
  strings: Strings;
  route: Route;
  tableToken: string | null;
  table: TableView | null;
  /** A session of this table that this phone can resume. */
  saved: SavedSession | null;
  /** The session this phone is in. */
  me: SavedSession | null;
  picture: SessionPicture | null;
  connection: Connection | null;
  /** What the browser believes; inside a session the connection knows better. */
  online: boolean;
  presence: Readonly<Record<string, PresenceStatus>>;
  /** For a while now nobody has said where the partner is. */
  unheard: boolean;
  offer: PairingOffer | null;
  busy: Busy;
  pressed: Pressed;
  /** Texts of the cards, as far as they have been fetched. */
  sets: QuestionSets;
  /** The cards seen this evening. */
  dealt: readonly Card[];
  /** This phone's latest answer, which the log does not tell before both have answered. */
  sent: { card: Card; answer: Answer["answer"] } | null;
  problem: Problem | null;
  /** Does once more what `problem` refused; null where the guest is no longer on the screen that asked for it. */
  retry: (() => void) | null;
  /** Said to screen readers, politely. Another key is said anew, also when the words are the same. */
  announcement: { key: number; text: string };
}

const initial: AppState = {
  language: "en",
  strings: builtIn,
  route: { name: "loading" },
  tableToken: null,
  table: null,
  saved: null,
  me: null,
  picture: null,
  connection: null,
  online: true,
  presence: {},
  unheard: false,
  offer: null,
  busy: null,
  pressed: null,
  sets: {},
  dealt: [],
  sent: null,
  problem: null,
  retry: null,
  announcement: { key: 0, text: "" },
};

let state = initial;
const listeners = new Set<(state: AppState) => void>();

export function current(): AppState {
  return state;
}

export function update(change: Partial<AppState>): void {
  state = { ...state, ...change };
  for (const listener of listeners) listener(state);
}

/** An empty text takes back what was said before and is over. */
export function say(text: string): void {
  update({ announcement: { key: state.announcement.key + 1, text } });
}

/** Resolves once `holds` does. */
export function until(holds: (state: AppState) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (now: AppState) => {
      if (!holds(now)) return;
      listeners.delete(look);
      resolve();
    };
    listeners.add(look);
    look(state);
  });
}

export function useApp(): AppState {
  const [shown, show] = useState(state);
  useEffect(() => {
    listeners.add(show);
    show(state);
    return () => {
      listeners.delete(show);
    };
  }, []);
  return shown;
}

export function useStrings(): Strings {
  return useApp().strings;
}
