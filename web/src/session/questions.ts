/** The texts of the cards: whole sets, kept by context, version and language, so that a card shows without a request. Pure. */
import type { Card, Question, QuestionSet } from "../api/types";

/** null: the server has no such set. */
export type QuestionSets = Readonly<Record<string, QuestionSet | null>>;

export interface CardText {
  question: Question;
  /** The language it is really in. */
  language: string;
}

export function setKey(card: Card, language: string): string {
  return `${card.context}/${card.set_version}/${language}`;
}

/**
 * The text of a card in this language or, while that one is on its way, in another that is there. `undefined` while nothing
 * is known yet, null when there is no such text.
 */
export function textOf(sets: QuestionSets, card: Card, language: string): CardText | null | undefined {
  const wanted = sets[setKey(card, language)];
  const others = Object.entries(sets).filter(([key]) => key.startsWith(setKey(card, "")));
  const set = wanted ?? others.map(([, one]) => one).find((one) => one !== null);
  if (!set) return wanted === null ? null : undefined;
  const question = set.questions.find((one) => one.question_id === card.question_id);
  return question === undefined ? null : { question, language: set.language };
}

/** An answer as it reads: the chosen choice's text, or what was written. */
export function answerText(question: Question | undefined, answer: string): string {
  return question?.choices.find((one) => one.id === answer)?.text ?? answer;
}
