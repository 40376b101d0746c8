/** Every HTTP call of the guest app, by name. */
import { type Call, request } from "./http";
import type {
  AppendResult,
  Context,
  CreatedSession,
  CreateSession,
  EventPage,
  GameCommand,
  JoinDual,
  JoinedSession,
  PairingOffer,
  QuestionSet,
  Snapshot,
  TableView,
} from "./types";

const ROOT = "/api/v1";
const sessionPath = (sessionId: string, rest = "") => `${ROOT}/sessions/${encodeURIComponent(sessionId)}${rest}`;

export function getTable(tableToken: string, options: Call = {}): Promise<TableView> {
  return request(`${ROOT}/tables/${encodeURIComponent(tableToken)}`, options);
}

export function createSession(body: CreateSession, key: string): Promise<CreatedSession> {
  return request(`${ROOT}/sessions`, { method: "POST", body, key });
}

export function joinDual(body: JoinDual, key: string): Promise<JoinedSession> {
  return request(`${ROOT}/sessions/join-dual`, { method: "POST", body, key });
}

export function getSnapshot(sessionId: string, credential: string, options: Call = {}): Promise<Snapshot> {
  return request(sessionPath(sessionId, "/snapshot"), { ...options, credential });
}

/** `waitS` > 0 is a long-poll: the answer comes with the first new event, or empty after that time. */
export function getEvents(
  sessionId: string,
  credential: string,
  cursor: number,
  waitS = 0,
  options: Call = {},
): Promise<EventPage> {
  const query = `?cursor=${cursor}&limit=200&wait=${waitS}`;
  return request(sessionPath(sessionId, `/events${query}`), {
    timeoutMs: (waitS + 10) * 1_000,
    ...options,
    credential,
  });
}

export function postCommand(
  sessionId: string,
  credential: string,
  commandId: string,
  command: GameCommand,
): Promise<AppendResult> {
  const body = { idempotency_key: commandId, type: command.type, data: command.data };
  return request(sessionPath(sessionId, "/events"), { method: "POST", body, credential, key: commandId, retries: 0 });
}

export function replacePairingCode(sessionId: string, credential: string): Promise<PairingOffer> {
  return request(sessionPath(sessionId, "/pairing-code"), { method: "POST", credential });
}

export function cancelPairing(sessionId: string, credential: string): Promise<void> {
  return request(sessionPath(sessionId, "/pairing-code"), { method: "DELETE", credential });
}

export function leaveSession(sessionId: string, participantId: string, credential: string): Promise<void> {
  return request(sessionPath(sessionId, `/members/${encodeURIComponent(participantId)}`), {
    method: "DELETE",
    credential,
  });
}

/** A version never changes: browsers and the service worker may keep the answer. */
export function getQuestionSet(context: Context, version: number, language: string): Promise<QuestionSet> {
  const query = new URLSearchParams({ version: String(version), language });
  return request(`${ROOT}/question-sets/${context}?${query}`, { cache: "default" });
}
