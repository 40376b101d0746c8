import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as credentials from "../src/session/credentials";
import { FakeStorage } from "./storage";

const NOW = Date.parse("2026-01-01T20:00:00Z");
const SAVED: credentials.SavedSession = {
  table_token: "tok",
  session_id: "s1",
  participant_id: "a",
  role: "A",
  credential: "secret",
  expires_at: "2026-01-02T00:00:00Z",
};
const OFFER = { code: "KRT-MXQ", expires_at: "2026-01-01T20:10:00Z", join_url: "http://x/t/tok#join=s1.x" };

beforeEach(() => {
  vi.stubGlobal("sessionStorage", new FakeStorage());
  vi.stubGlobal("localStorage", new FakeStorage());
});
afterEach(() => vi.unstubAllGlobals());

test("a closed tab resumes from the copy", () => {
  credentials.saveSession(SAVED);
  vi.stubGlobal("sessionStorage", new FakeStorage());
  expect(credentials.loadSession("tok", NOW)).toEqual(SAVED);
  expect(credentials.loadSession("other", NOW)).toBeNull();
});

test("a copy is of no use at its instant of expiry, and goes", () => {
  credentials.saveSession(SAVED);
  expect(credentials.loadSession("tok", Date.parse(SAVED.expires_at) - 1)).toEqual(SAVED);
  credentials.sweepExpired(Date.parse(SAVED.expires_at));
  expect(Object.keys(localStorage)).toEqual([]);
  expect(credentials.loadSession("tok", Date.parse(SAVED.expires_at))).toBeNull();
  expect(Object.keys(sessionStorage)).toEqual([]);
});

test("the end erases both copies and the code", () => {
  credentials.saveSession(SAVED);
  credentials.saveOffer("s1", OFFER);
  credentials.forgetSession("tok", "s1");
  expect([...Object.keys(sessionStorage), ...Object.keys(localStorage)]).toEqual([]);
});

test("the end of an old session leaves a newer one of the table alone", () => {
  credentials.saveSession(SAVED);
  localStorage.setItem("twotop.session.tok", JSON.stringify({ ...SAVED, session_id: "s2" }));
  credentials.forgetSession("tok", "s1");
  expect(credentials.loadSession("tok", NOW)?.session_id).toBe("s2");
});

test("a code is kept for this tab, until it runs out", () => {
  credentials.saveOffer("s1", OFFER);
  expect(Object.keys(localStorage)).toEqual([]);
  expect(credentials.loadOffer("s1", NOW)).toEqual(OFFER);
  expect(credentials.loadOffer("s1", Date.parse(OFFER.expires_at))).toBeNull();
});

test("only the tab that was in the session goes on without asking", () => {
  credentials.saveSession(SAVED);
  expect(credentials.loadSessionOfTab("tok", NOW)).toEqual(SAVED);
  vi.stubGlobal("sessionStorage", new FakeStorage());
  expect(credentials.loadSessionOfTab("tok", NOW)).toBeNull();
});

test("an app opened without an address finds the evening that is still on", () => {
  expect(credentials.tableOfSession(NOW)).toBeNull();
  credentials.saveSession(SAVED);
  credentials.saveSession({ ...SAVED, table_token: "later", expires_at: "2026-01-02T02:00:00Z" });
  expect(credentials.tableOfSession(NOW)).toBe("later");
  expect(credentials.tableOfSession(Date.parse("2026-01-02T02:00:00Z"))).toBeNull();
});

test("the cards that were dealt are kept for a closed tab too, and go with the session", () => {
  const card = { question_id: "q", position: 1, size: 9, context: "exploring", set_version: 1, round: 1 } as const;
  const dealt = [{ ...card, hint_revealed: false }];
  credentials.saveSession(SAVED);
  credentials.saveDealt("s1", dealt);
  expect(credentials.loadDealt("s1")).toEqual(dealt);
  vi.stubGlobal("sessionStorage", new FakeStorage());
  expect(credentials.loadDealt("s1")).toEqual(dealt);
  credentials.saveDealt("s1", dealt);
  credentials.forgetSession("tok", "s1");
  expect([...Object.keys(sessionStorage), ...Object.keys(localStorage)]).toEqual([]);
  expect(credentials.loadDealt("s1")).toEqual([]);
});

test("cards of a session that this phone holds no more go with the next look, others stay", () => {
  credentials.saveSession(SAVED);
  for (const id of ["s1", "s0"]) credentials.saveDealt(id, []);
  credentials.sweepExpired(NOW);
  expect(Object.keys(localStorage)).toEqual(["twotop.session.tok", "twotop.dealt.s1"]);
  credentials.sweepExpired(Date.parse(SAVED.expires_at));
  expect(Object.keys(localStorage)).toEqual([]);
});

test("a half written answer is kept for its card in this tab, and goes with the session", () => {
  const draft = { card: "exploring/1/1/q", text: "The ferry at", open: false };
  credentials.saveDraft("s1", draft);
  expect(credentials.loadDraft("s1", "exploring/1/1/q")).toEqual(draft);
  expect(credentials.loadDraft("s1", "exploring/1/1/another")).toBeNull();
  expect(credentials.loadDraft("s2", "exploring/1/1/q")).toBeNull();
  expect(Object.keys(localStorage)).toEqual([]);
  credentials.forgetSession("tok", "s1");
  expect(Object.keys(sessionStorage)).toEqual([]);
  sessionStorage.setItem("twotop.draft.s1", "not json");
  expect(credentials.loadDraft("s1", "exploring/1/1/q")).toBeNull();
});

test("half a session is none", () => {
  sessionStorage.setItem("twotop.session.tok", '{"session_id":"s1"}');
  localStorage.setItem("twotop.session.tok", "not json");
  expect(credentials.loadSession("tok", NOW)).toBeNull();
});

test("without storage everything still answers", () => {
  vi.stubGlobal("sessionStorage", undefined);
  vi.stubGlobal("localStorage", undefined);
  credentials.saveSession(SAVED);
  credentials.saveOffer("s1", OFFER);
  credentials.forgetSession("tok", "s1");
  credentials.sweepExpired(NOW);
  expect(credentials.loadSession("tok", NOW)).toBeNull();
  expect(credentials.loadOffer("s1", NOW)).toBeNull();
});
