/** The cards that this phone has seen this evening, in the order of their first showing: readable without a network. Pure. */
import type { Card } from "../api/types";

const AT_MOST = 400;

export function sameCard(one: Card, other: Card): boolean {
  return one.question_id === other.question_id && one.context === other.context && one.round === other.round;
}

export function withCard(dealt: readonly Card[], card: Card | null): readonly Card[] {
  if (card === null || dealt.some((one) => sameCard(one, card))) return dealt;
  return [...dealt, card].slice(-AT_MOST);
}
