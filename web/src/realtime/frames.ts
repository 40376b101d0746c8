/** Frames of the socket, as the contract gives them. */
import type { GameCommand, LogEvent, PresenceEntry, Role } from "../api/types";

export type ServerFrame =
  | {
      type: "hello";
      session_id: string;
      participant_id: string;
      role: Role;
      epoch: string;
      last_seq: number;
      heartbeat_s: number;
    }
  | { type: "event"; event: LogEvent }
  | { type: "presence"; participants: PresenceEntry[] }
  | { type: "accepted"; command_id: string; last_seq: number }
  | { type: "rejected"; command_id: string | null; problem: Record<string, unknown> }
  | { type: "resync"; last_seq: number; epoch?: string | null }
  | { type: "pong"; last_seq: number }
  | { type: "bye"; reason: string };

export type ClientFrame =
  | { type: "auth"; credential: string; last_seq: number; epoch?: string }
  | { type: "command"; command_id: string; command: GameCommand }
  | { type: "ping" };

const TYPES = new Set(["hello", "event", "presence", "accepted", "rejected", "resync", "pong", "bye"]);

/** null for what is not a frame this app knows: a newer gateway may send more. */
export function readFrame(text: unknown): ServerFrame | null {
  if (typeof text !== "string") return null;
  try {
    const frame: unknown = JSON.parse(text);
    const named = typeof frame === "object" && frame !== null && "type" in frame && TYPES.has(String(frame.type));
    return named ? (frame as ServerFrame) : null;
  } catch {
    return null;
  }
}

export type CloseMeaning = "final" | "replaced" | "later";

/** What a close code asks of a phone (DESIGN, realtime): give up, step aside, or come back, sooner after the first failure than after many. */
export function meaningOfClose(code: number): CloseMeaning {
  switch (code) {
    case 4401: // bad credential
    case 4403: // not registered
    case 4404: // no such session
    case 4410: // session ended
      return "final";
    case 4409: // a newer socket of this same participant took over
      return "replaced";
    default:
      return "later";
  }
}
