/** The one store: a value, a way to change it, and a hook that shows it. */
import { useEffect, useState } from "preact/hooks";
import type { Problem } from "./api/problems";
import type { Mode, PairingOffer, PresenceStatus, TableView } from "./api/types";
import { builtIn, type Language, type Strings } from "./i18n";
import type { Connection } from "./realtime/follow";
import type { SavedSession } from "./session/credentials";
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
  offer: PairingOffer | null;
  busy: Busy;
  problem: Problem | null;
  /** Does once more what `problem` refused; null where the guest is no longer on the screen that asked for it. */
  retry: (() => void) | null;
  /** Said to screen readers, politely. */
  announcement: string;
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
  offer: null,
  busy: null,
  problem: null,
  retry: null,
  announcement: "",
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
