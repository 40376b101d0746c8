import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LogEvent, Snapshot } from "../src/api/types";
import { EMPTY_LOG, fromPlace, hasGap, receive, type SessionLog } from "../src/session/log";
import { NEW_PLAY } from "../src/session/play";
import { evolve, type SessionPicture } from "../src/session/state";

const A = "aaaaaaaa-0000-4000-8000-00000000000a";
const B = "bbbbbbbb-0000-4000-8000-00000000000b";
const C = "cccccccc-0000-4000-8000-00000000000c";

function event(seq: number, type: string, data: Record<string, unknown> = {}, by = "system"): LogEvent {
  return { seq, type, data, at: "2026-01-01T00:00:00Z", by, command_id: null };
}

const created = (data: Record<string, unknown> = {}) =>
  event(
    1,
    "session_created",
    {
      session_id: "5e551011-0000-4000-8000-000000000003",
      table_number: "7",
      mode: "dual",
      context: "exploring",
      participant_id: A,
      role: "A",
      pairing_expires_at: "2026-01-01T00:10:00Z",
      ...data,
    },
    A,
  );
const joined = (seq: number, id = B, replaces: string | null = null) =>
  event(seq, "partner_joined", { participant_id: id, role: "B", generation: 1, pairing_generation: 1, replaces });

const STORY = [
  created(),
  event(2, "pairing_expired", { generation: 1, reason: "expired" }),
  event(3, "pairing_code_replaced", { generation: 2, expires_at: "2026-01-01T00:20:00Z" }),
  joined(4),
  event(5, "ready_changed", { participant_id: B, ready: true }, B),
  event(6, "ready_changed", { participant_id: A, ready: true }, A),
  event(7, "both_ready", {}, A),
  event(8, "something_new", { of: "a later release" }),
  event(9, "participant_left", { participant_id: B, role: "B" }, B),
  event(10, "pairing_code_replaced", { generation: 3, expires_at: "2026-01-01T00:30:00Z" }),
  joined(11, C, null),
  event(12, "session_closed", { reason: "ended_by_guest" }, A),
];

const fold = (events: LogEvent[]) => events.reduce<SessionLog>((log, one) => receive(log, [one]), EMPTY_LOG);

describe("the log", () => {
  test("any order, doubled and in any portions, folds to the same picture", () => {
    const expected = fold(STORY);
    const deliveries = fc
      .shuffledSubarray([...STORY, ...STORY], { minLength: 0 })
      .map((some) => [...some, ...STORY])
      .chain((all) => fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }))
      .chain((all) =>
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: all.length }).map((cuts) => ({ all, cuts })),
      );
    fc.assert(
      fc.property(deliveries, ({ all, cuts }) => {
        let log = EMPTY_LOG;
        const rest = [...all];
        for (const cut of cuts) log = receive(log, rest.splice(0, cut));
        log = receive(log, rest);
        expect(log.picture).toEqual(expected.picture);
        expect(log.lastSeq).toBe(12);
        expect(hasGap(log)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  test("while one event is missing nothing after it shows, and the gap is known", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 11 }), (missing) => {
        const log = receive(
          EMPTY_LOG,
          STORY.filter((one) => one.seq !== missing),
        );
        expect(log.lastSeq).toBe(missing - 1);
        expect(hasGap(log)).toBe(true);
        expect(log.picture).toEqual(fold(STORY.slice(0, missing - 1)).picture);
        const healed = receive(log, STORY.slice(missing - 1, missing));
        expect(healed.lastSeq).toBe(12);
      }),
    );
  });

  test("known events change nothing, not even the object", () => {
    const log = fold(STORY);
    expect(receive(log, STORY)).toBe(log);
  });

  test("a snapshot takes its place, and early events go on from there", () => {
    const full = fold(STORY.slice(0, 7));
    const { pairing_ended: _, decks: __, ...state } = full.picture as SessionPicture;
    const snapshot: Snapshot = { session_id: state.session_id, last_seq: 7, state };
    const early = receive(EMPTY_LOG, STORY.slice(7));
    const log = fromPlace(early, snapshot);
    expect(log.lastSeq).toBe(12);
    expect(log.picture?.state).toBe("closed");
    expect(fromPlace(log, snapshot)).toBe(log);
    expect(fromPlace(log, snapshot, true).lastSeq).toBe(7);
  });
});

describe("the picture", () => {
  const at = (count: number) => fold(STORY.slice(0, count)).picture;

  test("waits, runs out, waits again and pairs", () => {
    expect(at(1)).toMatchObject({ state: "pending", dual_status: "waiting", pairing: { generation: 1 } });
    expect(at(2)).toMatchObject({ dual_status: "expired", pairing_ended: "expired" });
    expect(at(3)).toMatchObject({ dual_status: "waiting", pairing_ended: null, pairing: { generation: 2 } });
    expect(at(4)).toMatchObject({ state: "browsing", dual_status: "paired" });
    expect(at(4)?.members.map((one) => one.participant_id)).toEqual([A, B]);
  });

  test("both are ready; one may leave, but a newcomer starts the ritual over", () => {
    expect(at(7)?.play).toEqual({ ...NEW_PLAY, ready: [A, B], both_ready: true });
    expect(at(9)?.play).toEqual({ ...NEW_PLAY, ready: [A], both_ready: true });
    expect(at(11)?.play).toEqual(NEW_PLAY);
    expect(at(9)?.members.map((one) => one.present)).toEqual([true, false]);
  });

  test("a replaced partner is off the roster", () => {
    const log = fold([created(), joined(2), joined(3, C, B)]);
    expect(log.picture?.members.filter((one) => one.present).map((one) => one.participant_id)).toEqual([A, C]);
  });

  test("going on alone ends the waiting", () => {
    const log = fold([created(), event(2, "mode_changed", { mode: "single" })]);
    expect(log.picture).toMatchObject({ mode: "single", dual_status: "none", pairing: null });
    const back = receive(log, [
      event(3, "mode_changed", { mode: "dual" }),
      event(4, "pairing_code_replaced", { generation: 2, expires_at: "2026-01-01T00:20:00Z" }),
    ]);
    expect(back.picture).toMatchObject({ mode: "dual", dual_status: "waiting", pairing: { generation: 2 } });
  });

  test("a withdrawn code is told from one that ran out", () => {
    const log = fold([created(), event(2, "pairing_expired", { generation: 1, reason: "withdrawn" })]);
    expect(log.picture?.pairing_ended).toBe("withdrawn");
  });

  test("mature at creation is A's own opt-in only, and another context starts over", () => {
    const log = fold([created({ context: "mature" }), joined(2)]);
    expect(log.picture?.play.mature_opt_in).toEqual([A]);
    const both = receive(log, [event(3, "mature_opted_in", { participant_id: B }, B)]);
    expect(both.picture?.play.mature_opt_in).toEqual([A, B]);
    const other = receive(both, [event(4, "context_chosen", { context: "established" }, A)]);
    expect(other.picture?.play).toEqual(NEW_PLAY);
  });

  test("the first command ends pending; the system's doings and a renewed credential do not", () => {
    const system = [created(), event(2, "pairing_expired", { generation: 1, reason: "expired" })];
    expect(fold(system).picture?.state).toBe("pending");
    expect(fold([created(), event(2, "credential_renewed", { participant_id: A }, A)]).picture?.state).toBe("pending");
    expect(fold([created(), event(2, "context_chosen", { context: "mature" }, A)]).picture?.state).toBe("browsing");
  });

  test("an expired session says which limit it met", () => {
    const log = fold([created(), event(2, "session_expired", { reason: "pairing" })]);
    expect(log.picture).toMatchObject({ state: "expired", end_reason: "pairing" });
  });

  test("nothing is made of events before the first", () => {
    expect(evolve(null, joined(2))).toBeNull();
  });
});
