import { afterEach, beforeEach, expect, test } from "vitest";
import { en } from "../src/i18n/en";
import { REST_MS } from "../src/ui/rest";
import { closePage, find, maybe, openPage, page, press, show, write } from "./page";
import { closeTable, open, openTable, passes } from "./session";
import { ALONE, CARD, happens, picture } from "./table";

beforeEach(openTable);
afterEach(closeTable);

const CHOICE = {
  question_id: CARD.question_id,
  kind: "choice",
  text: "?",
  hint: null,
  choices: [{ id: "x", text: "X" }],
};
const sets = { "exploring/1/en": { language: "en", questions: [CHOICE] } } as never;

test("with one phone the choices are there to be talked about: none can be pressed", async () => {
  await open({ sets, picture: picture({}, ALONE) });
  expect(find("choices-read").textContent).toBe("X");
  for (const id of ["choice-x", "answers"]) expect(maybe(id)).toBeUndefined();
});

test("a choice counts as made when the server has taken it, not before", async () => {
  await open({ sets, pressed: "answer", sent: { card: CARD, answer: "x" } });
  expect(find("choice-x").getAttribute("aria-pressed")).toBe("false");
  expect(find("choice-x").getAttribute("aria-busy")).toBe("true");
  await happens({ pressed: null });
  expect(find("choice-x").getAttribute("aria-pressed")).toBe("true");
});

test("the form for an answer can be left without one", async () => {
  await open();
  await press("write-answer");
  await passes(REST_MS + 50);
  await press("cancel-answer");
  expect(maybe("answer-input")).toBeUndefined();
  expect(page.activeElement).toBe(find("write-answer"));
});

test("neither a reload in mid-sentence nor putting the answer off loses a word", async () => {
  await open();
  await press("write-answer");
  await write("answer-input", "The ferry at");
  await show(null);
  await open();
  expect(find("answer-input").value).toBe("The ferry at");
  await press("cancel-answer");
  expect(maybe("answer-input")).toBeUndefined();
  await press("write-answer");
  expect(find("answer-input").value).toBe("The ferry at");
  await passes(REST_MS + 50);
  await press("cancel-answer");
  await show(null);
  await open();
  expect(maybe("answer-input")).toBeUndefined();
  await press("write-answer");
  expect(find("answer-input").value).toBe("The ferry at");
});

test("what was being written to a card is not offered to the next one", async () => {
  await open();
  await press("write-answer");
  await write("answer-input", "The ferry at");
  await show(null);
  await open({ picture: picture({ question: { ...CARD, question_id: "earlier", position: 4 } }) });
  expect(maybe("answer-input")).toBeUndefined();
});

const ANSWERED = {
  answered: ["a", "b"],
  answers: ["a", "b"].map((participant_id) => ({ participant_id, answer: "the sea" })),
  revealed: true,
};

test("the same choice is a moment of its own, two choices and the same words are not", async () => {
  const answers = (mine: string, theirs: string) => [
    { participant_id: "a", answer: mine },
    { participant_id: "b", answer: theirs },
  ];
  await open({ sets, picture: picture({ ...ANSWERED, answers: answers("x", "x") }) });
  expect(find("both-chose").textContent).toBe(en.game.bothChose("X"));
  await happens({ picture: picture({ ...ANSWERED, answers: answers("x", "y") }) });
  expect(maybe("both-chose")).toBeUndefined();
  await closePage();
  openPage();
  await open({ picture: picture(ANSWERED) });
  expect(maybe("both-chose")).toBeUndefined();
});

test("answers are brought into sight when they are revealed, but not again after a reload", async () => {
  await open({ picture: picture({ answered: ["a"] }) });
  await happens({ picture: picture(ANSWERED) });
  expect(page.scrolledTo).toBe(find("revealed"));
  await closePage();
  openPage();
  await open({ picture: picture(ANSWERED) });
  expect(maybe("revealed")).toBeDefined();
  expect(page.scrolledTo).toBeNull();
});
