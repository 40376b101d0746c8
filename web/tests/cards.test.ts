import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Problem } from "../src/api/problems";
import type { Play } from "../src/api/types";
import { followCards, needText } from "../src/cards";
import { NEW_PLAY } from "../src/session/play";
import type { SessionPicture } from "../src/session/state";
import { current, update } from "../src/store";
import { CARD } from "./table";

const NEXT = { ...CARD, question_id: "other", position: 4 };
const SET = { context: "exploring", version: 1, language: "en", languages: ["en"], questions: [] };

const picture = (play: Partial<Play>) => ({ session_id: "s", play: { ...NEW_PLAY, ...play } }) as SessionPicture;

let asked: string[];
let answers: (() => Response)[];
const buzz = vi.fn();

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  answers = [];
  buzz.mockClear();
  vi.stubGlobal("fetch", async (path: string) => {
    asked.push(path);
    const answer = answers.shift();
    if (answer === undefined) throw new TypeError("network");
    return answer();
  });
  vi.stubGlobal("navigator", { vibrate: buzz });
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  update({ sets: {}, dealt: [], problem: null, language: "en" });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const ok = () => new Response(JSON.stringify(SET));
const gone = () => new Response(JSON.stringify({ code: "question_set_not_found" }), { status: 404 });

test("a set is fetched once, however often its cards are shown, and again in another language", async () => {
  answers = [ok, ok];
  await Promise.all([needText(CARD), needText(NEXT)]);
  await needText(CARD);
  expect(asked).toEqual(["/api/v1/question-sets/exploring?version=1&language=en"]);
  update({ language: "de" });
  await needText(CARD);
  expect(Object.keys(current().sets)).toEqual(["exploring/1/en", "exploring/1/de"]);
});

test("without a network it tries until there is one; what the server does not have is not asked for again", async () => {
  const done = needText(CARD);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked.length).toBeGreaterThan(2);
  expect(current().sets).toEqual({});
  answers = [gone];
  await vi.advanceTimersByTimeAsync(10_000);
  await done;
  expect(current().sets).toEqual({ "exploring/1/en": null });
  const before = asked.length;
  await needText(CARD);
  expect(asked).toHaveLength(before);
});

test("one bad answer does not lose the text of a deck", async () => {
  answers = [() => new Response("{}", { status: 500 }), () => new Response("<html>"), ok];
  const done = needText(CARD);
  await vi.advanceTimersByTimeAsync(10_000);
  await done;
  expect(current().sets["exploring/1/en"]).toMatchObject({ version: 1 });
});

test("a turned card is remembered, felt, and ends what was refused at the one before", () => {
  update({ sets: { "exploring/1/en": SET as never }, problem: new Problem("not_allowed", 409) });
  followCards(picture({ question: CARD }), picture({ question: NEXT }), "a");
  expect(current().dealt).toEqual([NEXT]);
  expect(buzz).toHaveBeenCalledTimes(1);
  expect(current().problem).toBeNull();
});

test("what failed at the card before is not offered to be tried again at this one", () => {
  const retry = vi.fn();
  update({ sets: { "exploring/1/en": SET as never }, problem: new Problem("unexpected", 500), retry });
  followCards(picture({ question: CARD }), picture({ question: CARD, answered: ["b"] }), "a");
  expect(current().retry).toBe(retry);
  followCards(picture({ question: CARD }), picture({ question: NEXT }), "a");
  expect(current()).toMatchObject({ problem: null, retry: null });
});

test("the partner's wish is felt once, one's own is not", () => {
  update({ sets: { "exploring/1/en": SET as never } });
  const asks = (who: string, wish: "next" | "skip") =>
    picture({ question: CARD, wishes: [{ participant_id: who, wish, context: null }] });
  followCards(picture({ question: CARD }), asks("a", "next"), "a");
  expect(buzz).not.toHaveBeenCalled();
  followCards(picture({ question: CARD }), asks("b", "next"), "a");
  followCards(asks("b", "next"), asks("b", "skip"), "a");
  expect(buzz).toHaveBeenCalledTimes(1);
});

test("who asked for less motion feels nothing, and a phone that cannot does not fail", () => {
  update({ sets: { "exploring/1/en": SET as never } });
  vi.stubGlobal("matchMedia", () => ({ matches: true }));
  followCards(picture({ question: CARD }), picture({ question: NEXT }), "a");
  vi.stubGlobal("navigator", {});
  followCards(picture({ question: NEXT }), picture({ question: CARD }), "a");
  expect(buzz).not.toHaveBeenCalled();
});
