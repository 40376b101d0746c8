/**
 * The phone's picture of its session: the same fold of events that the server does, as far as screens need it.
 * Pure: `evolve` takes a state and the next event and gives the next state.
 */
import type { Context, DualStatus, LogEvent, Member, Mode, Role, SessionState, Snapshot } from "../api/types";
import { type Decks, decksOf, evolveGame, NEW_PLAY, withNewcomer, withoutLeaver } from "./play";

export interface SessionPicture extends SessionState {
  /** Why the latest pairing code is of no use any more, while no newer one replaced it. */
  pairing_ended: "expired" | "withdrawn" | null;
  decks: Decks;
}

type Data = Record<string, unknown>;

const text = (data: Data, name: string): string => (typeof data[name] === "string" ? (data[name] as string) : "");

export function fromSnapshot(state: Snapshot["state"]): SessionPicture {
  // A server of an earlier release knows nothing of cards.
  const { decks = [], ...play } = { ...NEW_PLAY, ...state.play };
  const pairingEnded = state.dual_status === "expired" ? "expired" : null;
  return { ...state, play, decks: decksOf(state.context, play, decks), pairing_ended: pairingEnded };
}

function created(data: Data): SessionPicture {
  const participantId = text(data, "participant_id");
  const expiresAt = text(data, "pairing_expires_at");
  const context = (text(data, "context") || null) as Context | null;
  return {
    session_id: text(data, "session_id"),
    table_number: text(data, "table_number"),
    mode: text(data, "mode") as Mode,
    state: "pending",
    dual_status: expiresAt ? "waiting" : "none",
    context,
    members: [
      {
        participant_id: participantId,
        role: text(data, "role") as Role,
        nickname: text(data, "nickname") || null,
        present: true,
      },
    ],
    play: { ...NEW_PLAY, mature_opt_in: context === "mature" ? [participantId] : [] },
    decks: {},
    pairing: expiresAt ? { generation: 1, expires_at: expiresAt } : null,
    end_reason: null,
    pairing_ended: null,
  };
}

const presentIds = (members: Member[]): ReadonlySet<string> =>
  new Set(members.filter((member) => member.present).map((member) => member.participant_id));

const absent = (members: Member[], id: unknown): Member[] =>
  members.map((member) => (member.participant_id === id ? { ...member, present: false } : member));

function partnerJoined(picture: SessionPicture, data: Data): SessionPicture {
  const member: Member = {
    participant_id: text(data, "participant_id"),
    role: text(data, "role") as Role,
    nickname: null,
    present: true,
  };
  const stay = absent(picture.members, data["replaces"]).filter((one) => one.participant_id !== member.participant_id);
  const members = [...stay, member];
  const game = withNewcomer(picture, presentIds(members));
  return { ...picture, ...game, members, dual_status: "paired", pairing_ended: null };
}

function participantLeft(picture: SessionPicture, id: unknown): SessionPicture {
  const members = absent(picture.members, id);
  return { ...picture, ...withoutLeaver(picture, presentIds(members)), members };
}

function modeChanged(picture: SessionPicture, mode: Mode): SessionPicture {
  if (mode !== "single") return { ...picture, mode };
  return { ...picture, mode, dual_status: "none", pairing: null, pairing_ended: null };
}

function pairing(picture: SessionPicture, data: Data, status: DualStatus): SessionPicture {
  const generation = Number(data["generation"]);
  const expiresAt = text(data, "expires_at") || picture.pairing?.expires_at || "";
  const reason = text(data, "reason") === "withdrawn" ? "withdrawn" : "expired";
  return {
    ...picture,
    dual_status: status,
    pairing: { generation, expires_at: expiresAt },
    pairing_ended: status === "expired" ? reason : null,
  };
}

function apply(picture: SessionPicture, event: LogEvent): SessionPicture {
  const { data } = event;
  switch (event.type) {
    case "partner_joined":
      return partnerJoined(picture, data);
    case "participant_left":
      return participantLeft(picture, data["participant_id"]);
    case "mode_changed":
      return modeChanged(picture, text(data, "mode") as Mode);
    case "pairing_code_replaced":
      return pairing(picture, data, "waiting");
    case "pairing_expired":
      return pairing(picture, data, "expired");
    case "session_closed":
      return { ...picture, state: "closed", end_reason: text(data, "reason") };
    case "session_expired":
      return { ...picture, state: "expired", end_reason: text(data, "reason") };
    default:
      // A newer server may say more than this app knows; what it does not know it may not misread.
      return { ...picture, ...evolveGame(picture, event) };
  }
}

/** The picture after one more event; null only before `session_created`. */
export function evolve(picture: SessionPicture | null, event: LogEvent): SessionPicture | null {
  if (event.type === "session_created") return created(event.data);
  if (picture === null) return null;
  const next = apply(picture, event);
  const byPhone = event.by !== "system" && event.by !== "staff" && event.type !== "credential_renewed";
  const began = byPhone || event.type === "partner_joined";
  return next.state === "pending" && began ? { ...next, state: "browsing" } : next;
}

export function hasEnded({ state }: Pick<SessionState, "state">): boolean {
  return state === "closed" || state === "expired";
}

/** A code is out for the second place, or has run out unused. */
export function isInviting({ dual_status }: Pick<SessionState, "dual_status">): boolean {
  return dual_status === "waiting" || dual_status === "expired";
}
