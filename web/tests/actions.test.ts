import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as actions from "../src/actions";
import { Problem } from "../src/api/problems";
import type { Context, GameCommand, LogEvent, PairingOffer, Play, SessionState } from "../src/api/types";
import { en } from "../src/i18n/en";
import * as playing from "../src/playing";
import type { FollowHooks } from "../src/realtime/follow";
import { loadOffer, loadSession, type SavedSession, saveOffer } from "../src/session/credentials";
import { NEW_PLAY } from "../src/session/play";
import { evolve, fromSnapshot, type SessionPicture } from "../src/session/state";
import { current, update } from "../src/store";
import { FakeStorage } from "./storage";
import { CARD } from "./table";

/** What reached the server, which refuses everything that it has no answer for. */
const asked: string[] = [];
const keys: unknown[] = [];
let answers: unknown[];
let hooks: FollowHooks;

vi.mock("../src/load-live", () => ({
  loadLive: async () => ({
    SessionFollower: class {
      constructor(_: SavedSession, given: FollowHooks) {
        hooks = given;
      }
      start(): void {}
      stop(): void {}
      async submit(command: GameCommand): Promise<void> {
        asked.push(JSON.stringify(command));
        throw new Problem("unexpected", 500);
      }
    },
  }),
}));

async function answer(path: string, { method, body, headers }: RequestInit): Promise<Response> {
  // Of the texts of the cards nothing is told here: without an answer they would be asked for again and again.
  if (path.startsWith("/api/v1/question-sets/")) {
    return new Response(JSON.stringify({ code: "question_set_not_found" }), { status: 404 });
  }
  asked.push([method, path, body].join(" "));
  keys.push((headers as Record<string, string>)["Idempotency-Key"]);
  const given = await answers.shift();
  if (given instanceof Response) return given;
  return given === undefined ? new Response("{}", { status: 500 }) : new Response(JSON.stringify(given));
}

const SAVED: SavedSession = {
  table_token: "tok",
  session_id: "s1",
  participant_id: "a",
  role: "A",
  credential: "secret",
  expires_at: "2030-01-01T00:00:00Z",
};
const minutes = (count: number) => new Date(Date.parse("2026-01-01T20:00:00Z") + count * 60_000).toISOString();
const offer = (minute: number): PairingOffer => ({
  code: `KRT-MX${minute}`,
  expires_at: minutes(minute),
  join_url: "",
});

beforeEach(async () => {
  vi.useFakeTimers({ now: Date.parse(minutes(0)), toFake: ["Date"] });
  vi.stubGlobal("sessionStorage", new FakeStorage());
  vi.stubGlobal("localStorage", new FakeStorage());
  vi.stubGlobal("history", { state: null, pushState: () => undefined });
  vi.stubGlobal("fetch", answer);
  vi.stubGlobal("navigator", {});
  asked.length = 0;
  keys.length = 0;
  answers = [];
  saveOffer("s1", offer(10));
  update({ tableToken: "tok", problem: null, retry: null });
  actions.resume(SAVED);
  await Promise.resolve();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const refusal = (code: string, status: number) => new Response(JSON.stringify({ code }), { status });
const idle = () => vi.waitUntil(() => current().busy === null);

test.each<[string, () => Promise<unknown>]>([
  ["start", () => actions.start("dual", "exploring")],
  ["joinByCode", () => actions.joinByCode("KRTMXQ")],
  ["followLink", () => actions.followLink({ sessionId: "s2", secret: "hush" })],
  ["setReady", () => playing.setReady(true)],
  ["chooseContext", () => playing.chooseContext("mature")],
  ["optInMature", () => playing.optInMature()],
  ["newCode", () => playing.newCode()],
  ["goOnAlone", () => playing.goOnAlone()],
  ["endSession", () => playing.endSession()],
  ["leave", () => playing.leave()],
])("trying %s again after a refusal asks for the same", async (_, act) => {
  await act();
  expect(current().problem?.code).toBe("unexpected");
  expect(asked).toHaveLength(1);
  current().retry?.();
  await idle();
  expect(asked).toEqual([asked[0], asked[0]]);
});

test("trying again after a refused no to the mature question does not opt in", async () => {
  await playing.optInMature();
  await playing.leave();
  asked.length = 0;
  current().retry?.();
  await idle();
  expect(asked).toEqual(["DELETE /api/v1/sessions/s1/members/a "]);
});

test("a paired partner whose phone is gone loses the place in one request, which needs no pairing to be on", async () => {
  logSays({ dual_status: "paired" });
  answers = [{}];
  expect(await playing.goOnAlone()).toBe(true);
  expect(asked).toEqual(["DELETE /api/v1/sessions/s1/pairing-code "]);
});

test.each<[string, () => Promise<boolean>]>([
  ["a new code", playing.newCode],
  ["going on alone", playing.goOnAlone],
])("a partner who is back keeps the seat from %s, and A is told who is there", async (_, act) => {
  answers = [refusal("already_paired", 409)];
  expect(await act()).toBe(false);
  expect(current().problem?.refusal).toBe("partner_back");
});

test("what is refused after its screen was left is not tried again", async () => {
  update({ me: null });
  actions.go({ name: "context", mode: "dual" });
  const started = actions.start("dual", "mature");
  actions.goBack();
  await started;
  expect(current()).toMatchObject({ route: { name: "decide" }, problem: { code: "unexpected" }, retry: null });
});

function logSays(state: Partial<SessionState>): void {
  const picture = fromSnapshot({
    session_id: "s1",
    table_number: "7",
    mode: "dual",
    state: "browsing",
    dual_status: "waiting",
    context: "exploring",
    members: [],
    play: NEW_PLAY,
    pairing: { generation: 1, expires_at: minutes(10) },
    end_reason: null,
    ...state,
  });
  hooks.onLog({ picture, lastSeq: 1, early: new Map() });
}

test("a code goes from the screen and from this tab when another tab has made a newer one", () => {
  logSays({});
  expect(current().offer).toEqual(offer(10));
  logSays({ pairing: { generation: 2, expires_at: minutes(12) } });
  expect(current().offer).toBeNull();
  expect(loadOffer("s1", Date.now())).toBeNull();
});

test("a code that was replaced while this tab was away goes with the first look at the log", () => {
  logSays({ pairing: { generation: 2, expires_at: minutes(12) } });
  expect(current().offer).toBeNull();
});

test("a new code stays while the log still tells of the ones before it", async () => {
  logSays({});
  answers = [offer(13)];
  await playing.newCode();
  logSays({ dual_status: "expired" });
  logSays({ pairing: { generation: 2, expires_at: minutes(12) } });
  logSays({ pairing: { generation: 3, expires_at: minutes(13) } });
  expect(current().offer).toEqual(offer(13));
});

test("a code goes when the partner has come", () => {
  logSays({});
  logSays({ dual_status: "paired" });
  expect(current().offer).toBeNull();
});

const BOTH = (["a", "b"] as const).map((id) => ({
  participant_id: id,
  role: id === "a" ? ("A" as const) : ("B" as const),
  nickname: null,
  present: true,
}));
const playing2 = (play: Partial<Play>, context: Context = "exploring") =>
  logSays({ dual_status: "paired", members: BOTH, context, play: { ...NEW_PLAY, both_ready: true, ...play } });
const asks = { participant_id: "b", wish: "next" as const, context: null };

test("the same words are said anew, and are over with the card", () => {
  playing2({ question: CARD });
  playing2({ question: CARD, wishes: [asks] });
  const first = current().announcement;
  expect(first.text).not.toBe("");
  playing2({ question: CARD });
  playing2({ question: CARD, wishes: [asks] });
  expect(current().announcement).toMatchObject({ text: first.text });
  expect(current().announcement.key).toBeGreaterThan(first.key);
  playing2({ question: { ...CARD, question_id: "other", position: 4 } });
  expect(current().announcement.text).toBe("");
  playing2({ question: { ...CARD, question_id: "other", position: 4 }, wishes: [asks] });
  actions.resume(SAVED);
  expect(current().announcement.text).toBe("");
});

test("a wish that is granted after the last card is not called taken back on the way", () => {
  playing2({ finished: true, wishes: [{ ...asks, wish: "afresh" as const }] });
  const before = current().picture as SessionPicture;
  const said: string[] = [];
  let picture: SessionPicture | null = before;
  for (const [type, data] of [
    ["started_afresh", { context: "exploring", round: 2 }],
    ["question_shown", { ...CARD, round: 2, position: 1 }],
  ] as const) {
    picture = evolve(picture, { seq: 0, type, data, by: "a", at: "" } as unknown as LogEvent);
    hooks.onLog({ picture, lastSeq: 1, early: new Map() });
    said.push(current().announcement.text);
  }
  expect(said).not.toContain(en.announce.wishWithdrawn);
});

test("the game stays on the screen until the first card of the other deck is there", () => {
  playing2({ question: CARD });
  playing2({ question: null }, "established");
  expect(current().picture?.play.question).toEqual(CARD);
  playing2({ question: { ...CARD, context: "established", position: 1 } }, "established");
  expect(current().picture?.play.question?.context).toBe("established");
});

test("a deck that has no card is shown as it is after a moment", async () => {
  playing2({ question: CARD });
  playing2({ question: null }, "established");
  await vi.waitUntil(() => current().picture?.context === "established");
});

const JOINED = {
  session: { session_id: "s2" },
  participant: { participant_id: "b2", role: "B", credential: "other", expires_at: "2030-01-01T00:00:00Z" },
};
const snapshot = (state: Partial<SessionState>) => ({ session_id: "s1", last_seq: 1, state });
const link = { sessionId: "s2", secret: "hush" };
const calls = () => asked.map((one) => one.replace(/"idempotency_key":"[^"]*",/, "").replace(/join_secret.*/, ""));

test("who scans a partner's code is with the partner, and the empty session of one's own ends, its code forgotten", async () => {
  saveOffer(SAVED.session_id, { code: "KRT-MXQ", expires_at: "2030-01-01T00:00:00Z", join_url: "" });
  answers = [JOINED, snapshot({ state: "pending", members: BOTH.slice(0, 1) }), {}];
  await actions.followLink(link);
  await vi.waitUntil(() => asked.length === 3);
  expect(current().me?.session_id).toBe("s2");
  expect(loadOffer(SAVED.session_id, 0)).toBeNull();
  expect(asked[0]).toContain(`"leaving_credential":"${SAVED.credential}"`);
  expect(calls().slice(1)).toEqual([
    "GET /api/v1/sessions/s1/snapshot ",
    'POST /api/v1/sessions/s1/events {"type":"end_session","data":{}}',
  ]);
});

test.each(["code_expired", "already_paired"])(
  "of two who send each other's codes at once, the one who hears %s is taken to the partner who came",
  async (code) => {
    const spent = new Response(JSON.stringify({ code }), { status: 409 });
    const alone = snapshot({ state: "browsing", members: BOTH.slice(0, 1) });
    answers = [spent, alone, snapshot({ state: "browsing", members: BOTH })];
    await actions.followLink(link);
    expect(current()).toMatchObject({ route: { name: "session" }, me: { session_id: "s1" }, problem: null });
  },
);

test("a link of no use is told of where nobody came to the own table either", async () => {
  const alone = snapshot({ state: "browsing", members: BOTH.slice(0, 1) });
  answers = [new Response(JSON.stringify({ code: "code_expired" }), { status: 410 }), alone, alone];
  await actions.followLink(link);
  expect(current()).toMatchObject({ route: { name: "joining" }, problem: { code: "code_expired" } });
});

test("who joins another table's partner leaves the partner before, and ends no round of anybody's", async () => {
  answers = [JOINED, snapshot({ state: "browsing", members: BOTH })];
  await actions.followLink(link);
  await vi.waitUntil(() => asked.length === 2);
  actions.resume({ ...SAVED, role: "B" });
  answers = [{ ...JOINED, session: { session_id: "s3" } }, snapshot({ state: "browsing", members: BOTH })];
  asked.length = 0;
  await actions.followLink({ ...link, sessionId: "s3" });
  await vi.waitUntil(() => asked.length === 3);
  expect(asked.at(-1)).toBe("DELETE /api/v1/sessions/s1/members/a ");
});

test("a session that is over while its guest types a partner's code leaves them typing", () => {
  actions.go({ name: "join" });
  hooks.onFinal(new Problem("session_expired", 410));
  expect(current()).toMatchObject({ route: { name: "join" }, me: null, problem: null });
  actions.goBack();
  expect(current().route).toEqual({ name: "decide" });
});

test("one's own link, scanned while typing a partner's code, leads back to one's own session", async () => {
  actions.go({ name: "join" });
  await actions.followLink({ ...link, sessionId: "s1" });
  expect(current()).toMatchObject({ route: { name: "session" }, me: { session_id: "s1" } });
  expect(asked).toEqual([]);
});

test("one who could not join still has the session before", async () => {
  await actions.followLink(link);
  expect(current().problem?.code).toBe("unexpected");
  expect(loadSession("tok", Date.now())?.session_id).toBe("s1");
  expect(asked).toHaveLength(1);
});

test("after an answer that nobody could read the same wish has the same key, after a refusal another", async () => {
  answers = [new Response("<html>"), refusal("table_session_limit", 429)];
  for (let times = 0; times < 3; times++) await actions.start("single", "exploring");
  expect(keys[1]).toBe(keys[0]);
  expect(keys[2]).not.toBe(keys[1]);
});

test("what was asked for in the session before keeps nobody waiting in this one, and ends nothing in it", async () => {
  let answerNow: (answer: unknown) => void = () => undefined;
  answers = [new Promise((resolve) => (answerNow = resolve)), new Promise(() => undefined)];
  const late = playing.newCode();
  actions.resume(SAVED);
  expect(current().busy).toBeNull();
  void playing.leave();
  answerNow(offer(12));
  await late;
  expect(current().busy).toBe("end");
});

test("a partner of whom nobody says for a while where it is counts as unheard, until somebody does", () => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
  const member = { role: "B", nickname: null, present: true } as const;
  hooks.onConnection("live");
  vi.advanceTimersByTime(60_000);
  expect(current().unheard).toBe(false);
  logSays({ members: [{ ...member, participant_id: "b" }] });
  vi.advanceTimersByTime(9_000);
  hooks.onPresence([{ participant_id: "b", role: "B", status: "online" }]);
  vi.advanceTimersByTime(60_000);
  expect(current().unheard).toBe(false);
  hooks.onConnection("polling");
  vi.advanceTimersByTime(9_000);
  expect(current().unheard).toBe(false);
  vi.advanceTimersByTime(1_000);
  expect(current().unheard).toBe(true);
  hooks.onConnection("live");
  expect(current().unheard).toBe(false);
});
