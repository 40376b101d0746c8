import { expect, test } from "vitest";
import type { Card, GameCommand } from "../src/api/types";
import { isOver } from "../src/session/meant";
import { NEW_PLAY } from "../src/session/play";

const CARD: Card = {
  question_id: "lost-key",
  position: 5,
  size: 64,
  context: "exploring",
  set_version: 1,
  round: 1,
  hint_revealed: false,
};

const table = (question: Card | null, finished = false) => ({
  context: question?.context ?? ("exploring" as const),
  play: { ...NEW_PLAY, question, finished },
});
const at = table(CARD);
const later = table({ ...CARD, question_id: "other", position: 8 });
const command = (type: "request_next" | "previous" | "skip" | "withdraw_next" | "reveal" | "start_afresh") =>
  ({ type, data: {} }) as GameCommand;

test.each(["request_next", "previous", "skip", "withdraw_next", "reveal"] as const)(
  "%s is meant for the card that lay open, and for no other",
  (type) => {
    expect(isOver(command(type), at, at)).toBe(false);
    expect(isOver(command(type), at, table({ ...CARD, hint_revealed: true }))).toBe(false);
    expect(isOver(command(type), at, later)).toBe(true);
    expect(isOver(command(type), at, table(null, true))).toBe(true);
  },
);

test("the first card is asked for once", () => {
  expect(isOver(command("request_next"), table(null), table(null))).toBe(false);
  expect(isOver(command("request_next"), table(null), at)).toBe(true);
});

test("the same card in another round is another card", () => {
  expect(isOver(command("request_next"), at, table({ ...CARD, round: 2 }))).toBe(true);
});

test("a deck is begun anew once, however far it has come", () => {
  expect(isOver(command("start_afresh"), at, later)).toBe(false);
  expect(isOver(command("start_afresh"), at, table({ ...CARD, round: 2 }))).toBe(true);
});

test("another context is meant until there is another context", () => {
  const choose: GameCommand = { type: "choose_context", data: { context: "mature" } };
  expect(isOver(choose, at, later)).toBe(false);
  expect(isOver(choose, at, table({ ...CARD, context: "established" }))).toBe(true);
});

test("what is not about a card stays, and so does everything while nothing is known", () => {
  expect(isOver({ type: "set_ready", data: { ready: true } }, at, later)).toBe(false);
  expect(isOver({ type: "end_session", data: {} }, at, later)).toBe(false);
  expect(isOver(command("request_next"), null, at)).toBe(false);
});
