/** Bodies on the wire, as the contract gives them. */

export type Mode = "single" | "dual" | "group";
export type Context = "exploring" | "established" | "mature";
export type Role = "A" | "B" | "member";
export type DualStatus = "none" | "waiting" | "paired" | "expired";
export type SessionStateName =
  | "pending"
  | "browsing"
  | "cart_active"
  | "order_placed"
  | "awaiting_payment"
  | "payment_completed"
  | "closed"
  | "expired";

export interface TableView {
  location: { id: string; name: string; language: string; currency: string };
  table: { id: string; number: string; zone: string | null; seats: number | null };
  status: "open" | "closed" | "disabled";
  opens_at: string | null;
  closes_at: string | null;
  offers: { play: boolean; order: boolean; dual: boolean };
}

export interface Participant {
  participant_id: string;
  role: Role;
  credential: string;
  expires_at: string;
}

export interface PairingOffer {
  code: string;
  expires_at: string;
  join_url: string;
}

export interface CreateSession {
  table_token: string;
  mode: Mode;
  context: Context;
  language: string;
}

export interface CreatedSession {
  session: { session_id: string };
  participant: Participant;
  pairing: PairingOffer | null;
}

export interface JoinDual {
  table_token: string;
  code?: string;
  join_secret?: string;
}

export interface JoinedSession {
  session: { session_id: string };
  participant: Participant;
}

export interface LogEvent {
  seq: number;
  type: string;
  data: Record<string, unknown>;
  at: string;
  by: string;
  command_id: string | null;
}

export interface EventPage {
  events: LogEvent[];
  next_cursor: number;
  epoch: string;
}

export interface AppendResult {
  events: LogEvent[];
  last_seq: number;
  replayed: boolean;
}

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

export interface Snapshot {
  session_id: string;
  last_seq: number;
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
