/**
 * The session's log as this phone has it. Events may arrive doubled, late or in the wrong order (the live feed is a hint,
 * the log is the truth): `receive` applies them strictly by `seq`, keeps early ones aside, and says where a gap begins.
 *
 * Invariants: `picture` is the fold of exactly the events 1..lastSeq; `early` holds only events after lastSeq + 1.
 */
import type { LogEvent, Snapshot } from "../api/types";
import { evolve, fromSnapshot, type SessionPicture } from "./state";

export interface SessionLog {
  picture: SessionPicture | null;
  lastSeq: number;
  early: ReadonlyMap<number, LogEvent>;
}

export const EMPTY_LOG: SessionLog = { picture: null, lastSeq: 0, early: new Map() };

/** More than this many early events means that fetching is quicker than waiting; the rest is fetched anyway. */
const MAX_EARLY = 500;

export function receive(log: SessionLog, events: readonly LogEvent[]): SessionLog {
  const fresh = events.filter((event) => event.seq > log.lastSeq);
  if (fresh.length === 0) return log;
  const early = new Map(log.early);
  for (const event of fresh) if (early.size < MAX_EARLY || event.seq === log.lastSeq + 1) early.set(event.seq, event);
  let { picture, lastSeq } = log;
  for (let next = early.get(lastSeq + 1); next !== undefined; next = early.get(lastSeq + 1)) {
    picture = evolve(picture, next);
    lastSeq = next.seq;
    early.delete(lastSeq);
  }
  return { picture, lastSeq, early };
}

/** True while later events wait for missing ones: fetch from `lastSeq`. */
export function hasGap(log: SessionLog): boolean {
  return log.early.size > 0;
}

/**
 * Takes a snapshot's place in the log. A snapshot older than what is known changes nothing, unless `force` says that the
 * history itself is another one (a new epoch).
 */
export function fromPlace(log: SessionLog, snapshot: Snapshot, force = false): SessionLog {
  if (!force && log.picture !== null && snapshot.last_seq <= log.lastSeq) return log;
  const base: SessionLog = { picture: fromSnapshot(snapshot.state), lastSeq: snapshot.last_seq, early: new Map() };
  return force ? base : receive(base, [...log.early.values()]);
}
