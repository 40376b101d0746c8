import { expect, test } from "vitest";
import type { Card, QuestionSet } from "../src/api/types";
import { withCard } from "../src/session/dealt";
import { answerText, setKey, textOf } from "../src/session/questions";
import { CARD } from "./table";

const set = (language: string, text: string): QuestionSet => ({
  context: "exploring",
  version: 1,
  language,
  languages: ["en", "vi"],
  questions: [
    { question_id: "lost-key", kind: "choice", text, hint: null, choices: [{ id: "sea", text: "The sea" }] },
    { question_id: "other", kind: "open", text: "?", hint: "!", choices: [] },
  ],
});

test("a card is read in the guest's language", () => {
  const sets = { "exploring/1/en": set("en", "Where?"), "exploring/1/vi": set("vi", "Ở đâu?") };
  expect(textOf(sets, CARD, "vi")).toMatchObject({ language: "vi", question: { text: "Ở đâu?" } });
  expect(setKey(CARD, "vi")).toBe("exploring/1/vi");
});

test("while that language is on its way another one will do, and says which it is", () => {
  const sets = { "exploring/1/en": set("en", "Where?"), "established/1/vi": set("vi", "?") };
  expect(textOf(sets, CARD, "vi")).toMatchObject({ language: "en", question: { text: "Where?" } });
  expect(textOf({ ...sets, "exploring/1/vi": null }, CARD, "vi")).toMatchObject({ language: "en" });
});

test("another version of the set is another set", () => {
  const sets = { "exploring/1/en": set("en", "Where?") };
  expect(textOf(sets, { ...CARD, set_version: 12 }, "en")).toBeUndefined();
  expect(textOf({ "exploring/12/en": set("en", "Where?") }, CARD, "en")).toBeUndefined();
});

test("what is missing is told from what is not known yet", () => {
  expect(textOf({}, CARD, "en")).toBeUndefined();
  expect(textOf({ "exploring/1/en": null }, CARD, "en")).toBeNull();
  expect(textOf({ "exploring/1/en": set("en", "Where?") }, { ...CARD, question_id: "gone" }, "en")).toBeNull();
});

test("a choice reads as its text, words as they were written", () => {
  const [question] = set("en", "Where?").questions;
  expect(answerText(question, "sea")).toBe("The sea");
  expect(answerText(question, "by the lake")).toBe("by the lake");
  expect(answerText(undefined, "sea")).toBe("sea");
});

test("each card is remembered once, in the order of its first showing", () => {
  const next = { ...CARD, question_id: "other", position: 4 };
  const again = { ...CARD, round: 2 };
  const dealt = [CARD, null, next, CARD, again].reduce<readonly Card[]>(withCard, []);
  expect(dealt).toEqual([CARD, next, again]);
  expect(withCard(dealt, next)).toBe(dealt);
});
