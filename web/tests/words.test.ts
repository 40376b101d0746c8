import { describe, expect, test } from "vitest";
import reference from "../../docs/api/errors.md?raw";
import { PROBLEM_CODES, Problem, REFUSALS, readProblem } from "../src/api/problems";
import type { Play, Want } from "../src/api/types";
import { asLanguage, LANGUAGES, type Language, loadStrings, pickLanguage } from "../src/i18n";
import { en } from "../src/i18n/en";
import { announceLog, announcePresence } from "../src/session/announce";
import { NEW_PLAY } from "../src/session/play";
import type { SessionPicture } from "../src/session/state";

const all = Object.keys(LANGUAGES) as Language[];

/** Of the app or the server, never of what the guest did: nobody at a table is helped by more words than "unexpected" has. */
const DEFECTS = new Set([
  "internal",
  "method_not_allowed",
  "not_acceptable",
  "not_found",
  "too_large",
  "unsupported_media_type",
  "upgrade_required",
]);

function texts(value: unknown, path = ""): [string, string][] {
  if (typeof value === "string") return [[path, value]];
  if (typeof value === "function") return [[path, String(value("9:59"))]];
  return Object.entries(value as object).flatMap(([name, inner]) => texts(inner, `${path}.${name}`));
}

describe("the four languages", () => {
  test.each(all)("%s says everything, and says it itself", async (language) => {
    const said = texts(await loadStrings(language));
    expect(said.filter(([, text]) => text.trim() === "")).toEqual([]);
    expect(said.map(([path]) => path).sort()).toEqual(
      texts(en)
        .map(([path]) => path)
        .sort(),
    );
    if (language === "en") return;
    const english = new Map(texts(en));
    const same = said.filter(([path, text]) => text.length > 12 && english.get(path) === text);
    expect(same).toEqual([]);
  });

  test.each(all)("%s has words for every problem", async (language) => {
    const { problems } = await loadStrings(language);
    for (const code of PROBLEM_CODES) expect(problems[code].title && problems[code].body).toBeTruthy();
  });

  test("every documented error code is known to the app, a defect as unexpected", () => {
    const documented = [...reference.matchAll(/^\| `(\w+)` \| (\d{3}) \|/gm)];
    expect(documented.length).toBeGreaterThan(30);
    for (const [, code = "", status] of documented) {
      expect(readProblem(Number(status), { code }).code).toBe(DEFECTS.has(code) ? "unexpected" : code);
    }
  });

  test.each(all)("%s has words for every refusal of the rules", async (language) => {
    const { refusals } = await loadStrings(language);
    for (const reason of REFUSALS) expect(refusals[reason].title && refusals[reason].body).toBeTruthy();
    expect(new Problem("not_allowed", 409, null, null, "no_hint").refusal).toBe("no_hint");
    expect(new Problem("not_allowed", 409, null, null, "a later reason").refusal).toBeNull();
  });

  test.each(all)("%s calls a button that it speaks of by its name", async (language) => {
    const { decide, game, problems, ready, refusals, waiting } = await loadStrings(language);
    expect(ready.absentBody).toContain(ready.ready);
    expect(ready.absentBodyNoInvite).toContain(ready.ready);
    expect(refusals.not_ready.body).toContain(ready.ready);
    expect(waiting.body).toContain(decide.join);
    expect(problems.code_expired.body).toContain(waiting.newCode);
    expect(game.leftBody).toContain(game.menu);
  });

  test("the phone's language counts first, then the restaurant's, then English", () => {
    expect(pickLanguage(["fr-FR", "de-AT", "en"], "vi")).toBe("de");
    expect(pickLanguage(["fr-FR"], "vi")).toBe("vi");
    expect(pickLanguage(["fr"], "ja")).toBe("en");
    expect(asLanguage("ES-mx")).toBe("es");
    expect(asLanguage("constructor")).toBeNull();
    expect(asLanguage(null)).toBeNull();
  });
});

const picture = (change: Partial<SessionPicture> = {}): SessionPicture => ({
  session_id: "s",
  table_number: "7",
  mode: "dual",
  state: "browsing",
  dual_status: "paired",
  context: "exploring",
  members: [
    { participant_id: "a", role: "A", nickname: null, present: true },
    { participant_id: "b", role: "B", nickname: null, present: true },
  ],
  play: NEW_PLAY,
  decks: {},
  pairing: { generation: 1, expires_at: "2026-01-01T00:10:00Z" },
  end_reason: null,
  pairing_ended: null,
  ...change,
});
const ready = (...ids: string[]) => picture({ play: { ...NEW_PLAY, ready: ids } });

describe("what a screen reader hears", () => {
  const words = en.announce;
  const alone = picture({ members: picture().members.slice(0, 1), dual_status: "waiting" });

  test("the partner coming, going and getting ready", () => {
    expect(announceLog(null, picture(), "a", words)).toBeNull();
    expect(announceLog(alone, picture(), "a", words)).toBe(words.joined);
    expect(announceLog(picture(), alone, "a", words)).toBe(words.left);
    expect(announceLog(picture(), ready("b"), "a", words)).toBe(words.partnerReady);
    expect(announceLog(ready("b"), picture(), "a", words)).toBe(words.partnerNotReady);
    expect(announceLog(picture(), ready("a"), "a", words)).toBeNull();
    const both = picture({ play: { ...NEW_PLAY, ready: ["a", "b"], both_ready: true } });
    expect(announceLog(ready("a", "b"), both, "a", words)).toBe(words.bothReady);
    const begunAlone = picture({ play: { ...NEW_PLAY, ready: ["a"], both_ready: true } });
    expect(announceLog(ready("a"), begunAlone, "a", words)).toBeNull();
  });

  test("the code running out and its replacement", () => {
    const out = { ...alone, dual_status: "expired" as const };
    const again = { ...alone, pairing: { generation: 2, expires_at: "" } };
    expect(announceLog(alone, out, "a", words)).toBe(words.codeExpired);
    expect(announceLog(out, again, "a", words)).toBe(words.newCode);
  });

  test("what the partner does at the card", () => {
    const card = { question_id: "q", position: 1, size: 9, context: "exploring", set_version: 1, round: 1 } as const;
    const at = (play: Partial<Play>) =>
      picture({ play: { ...NEW_PLAY, both_ready: true, question: { ...card, hint_revealed: false }, ...play } });
    const say = (was: Partial<Play>, now: Partial<Play>) => announceLog(at(was), at(now), "a", words);
    const wants = (id: string, wish: Want) => ({ wishes: [{ participant_id: id, wish, context: null }] });
    expect(say({}, wants("b", "next"))).toBe(words.wishes.next);
    expect(say(wants("b", "next"), wants("b", "skip"))).toBeNull();
    expect(say(wants("b", "next"), wants("b", "previous"))).toBe(words.wishes.previous);
    expect(say(wants("b", "next"), {})).toBe(words.wishWithdrawn);
    expect(say({}, wants("a", "next"))).toBeNull();
    expect(say({}, { answered: ["b"] })).toBe(words.partnerAnswered);
    expect(say({ answered: ["b"] }, { answered: ["a", "b"], revealed: true })).toBe(words.answersRevealed);
    expect(say({}, { question: { ...card, hint_revealed: true } })).toBe(words.hintShown);
    const next = { question: { ...card, question_id: "r", position: 2, hint_revealed: false } };
    expect(say(wants("b", "next"), next)).toBeNull();
  });

  test("what the partner wishes where no card lies open", () => {
    const wants = (wish: Want) => ({ wishes: [{ participant_id: "b", wish, context: null }] });
    for (const place of [{ finished: true }, {}]) {
      const at = (play: Partial<Play>, context: SessionPicture["context"] = "exploring") =>
        picture({ context, play: { ...NEW_PLAY, both_ready: true, ...place, ...play } });
      expect(announceLog(at({}), at(wants("afresh")), "a", words)).toBe(words.wishes.afresh);
      expect(announceLog(at(wants("next")), at({}), "a", words)).toBe(words.wishWithdrawn);
      // Granted, not taken back.
      expect(announceLog(at(wants("context")), at({}, "established"), "a", words)).toBeNull();
    }
  });

  test("the partner's phone going away and coming back, once each", () => {
    const say = (was: object, now: object, partner: string | undefined = "b") =>
      announcePresence(was as Record<string, "online">, now as Record<string, "online">, partner, words);
    expect(say({ b: "online" }, { b: "away" })).toBe(words.partnerAway);
    expect(say({ b: "away" }, { b: "gone" })).toBeNull();
    expect(say({ b: "gone" }, { b: "online" })).toBe(words.partnerBack);
    expect(say({}, { b: "online" })).toBeNull();
    expect(announcePresence({ b: "online" }, { b: "away" }, undefined, words)).toBeNull();
  });
});
