/** The cards that this phone has seen this evening, in the order of their first showing: readable without a network. Pure. */
import type { Card } from "../api/types";

const AT_MOST = 400;

/** Equal for equal cards. */
export function cardKey({ context, round, question_id }: Card): string {
  return `${context}/${round}/${question_id}`;
}

export function sameCard(one: Card, other: Card): boolean {
  return cardKey(one) === cardKey(other);
}

export function withCard(dealt: readonly Card[], card: Card | null): readonly Card[] {
  if (card === null || dealt.some((one) => sameCard(one, card))) return dealt;
  return [...dealt, card].slice(-AT_MOST);
}
