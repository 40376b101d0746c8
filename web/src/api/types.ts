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

export interface SessionState {
  session_id: string;
  table_number: string;
  mode: Mode;
  state: SessionStateName;
  dual_status: DualStatus;
  context: Context | null;
  members: Member[];
  play: { ready: string[]; both_ready: boolean; mature_opt_in: string[] };
  pairing: { generation: number; expires_at: string } | null;
  end_reason: string | null;
}

export interface Snapshot extends Omit<Schemas["SnapshotBody"], "state"> {
  state: SessionState;
}

export interface GameCommand {
  type: "choose_context" | "opt_in_mature" | "set_ready" | "end_session";
  data: Record<string, unknown>;
}

export type PresenceStatus = "online" | "away" | "gone";
export interface PresenceEntry {
  participant_id: string;
  role: Role;
  status: PresenceStatus;
}
