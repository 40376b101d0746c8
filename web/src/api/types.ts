/**
 * Bodies on the wire: generated from the services' OpenAPI documents, under the names the app uses. What OpenAPI leaves open
 * (the snapshot's state, frames of the socket) is written here as the contract gives it.
 */
import type { components as PairingApi } from "./generated/pairing";
import type { components as SessionApi } from "./generated/session-api";

type Schemas = SessionApi["schemas"];

export type TableView = Schemas["TableBody"];
export type Participant = Schemas["ParticipantBody"];
export type PairingOffer = Schemas["PairingBody"];
export type CreateSession = Schemas["CreateSession"];
export type CreatedSession = Schemas["SessionCreatedBody"];
export type LogEvent = Schemas["EventView"];
export type EventPage = Schemas["EventsBody"];
export type AppendResult = Schemas["AppendedBody"];

export type JoinDual = PairingApi["schemas"]["JoinDual"];
export type JoinedSession = PairingApi["schemas"]["Joined"];

export type Mode = CreateSession["mode"];
export type Context = NonNullable<CreateSession["context"]>;
export type Role = Participant["role"];
export type DualStatus = Schemas["SessionBody"]["dual_status"];
export type SessionStateName = Schemas["SessionBody"]["state"];

export interface Member {
  participant_id: string;
  role: Role;
  nickname: string | null;
  present: boolean;
}

/** The card that lies open. */
export interface Card {
  question_id: string;
  /** Counts from 1 to `size`. */
  position: number;
  size: number;
  context: Context;
  set_version: number;
  round: number;
  hint_revealed: boolean;
}

export type Move = "next" | "previous" | "skip";
export type Want = Move | "afresh" | "context";

/** What one phone of a pair has asked for and the other has not yet agreed to. `context` is set when it wants another one. */
export interface Wish {
  participant_id: string;
  wish: Want;
  context: Context | null;
}

/** `answer` is a choice's id, or free text. */
export interface Answer {
  participant_id: string;
  answer: string;
}

export interface Play {
  ready: string[];
  both_ready: boolean;
  mature_opt_in: string[];
  question: Card | null;
  finished: boolean;
  wishes: Wish[];
  /** Who has answered the open card. What was answered is in `answers`: one's own, and both once revealed. */
  answered: string[];
  answers: Answer[];
  revealed: boolean;
}

/** How far the deck of one context is; at its end `position` is `size + 1`. */
export type DeckPlace = Omit<Card, "hint_revealed">;

export interface SessionState {
  session_id: string;
  table_number: string;
  mode: Mode;
  state: SessionStateName;
  dual_status: DualStatus;
  context: Context | null;
  members: Member[];
  play: Play;
  pairing: { generation: number; expires_at: string } | null;
  end_reason: string | null;
}

export interface Snapshot extends Omit<Schemas["SnapshotBody"], "state"> {
  state: SessionState & { play: { decks?: DeckPlace[] } };
}

export type GameCommand =
  | { type: "choose_context"; data: { context: Context } }
  | { type: "set_ready"; data: { ready: boolean } }
  | { type: "give_answer"; data: { question_id: string; answer: string } }
  | { type: "request_next" | "skip" | "previous" | "reveal"; data: { question_id?: string } }
  | { type: "opt_in_mature" | "withdraw_next" | "start_afresh" | "end_session"; data: Record<string, never> };

export type PresenceStatus = "online" | "away" | "gone";
export interface PresenceEntry {
  participant_id: string;
  role: Role;
  status: PresenceStatus;
}

// Question sets: by hand from docs/game.md, until docs/api/session-api.openapi.json has them (then `Schemas["…"]` as above).
export interface Choice {
  id: string;
  text: string;
}

export interface Question {
  question_id: string;
  kind: "open" | "choice";
  text: string;
  hint: string | null;
  choices: Choice[];
}

export interface QuestionSet {
  context: Context;
  version: number;
  /** May be another language than the one asked for. */
  language: string;
  languages: string[];
  questions: Question[];
}
