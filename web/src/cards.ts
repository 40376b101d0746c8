/** What follows when another card lies open: its text is fetched, it is remembered for reading offline, the phone nods. */
import { getQuestionSet } from "./api/client";
import { asProblem } from "./api/problems";
import type { Card } from "./api/types";
import { retryInMs } from "./realtime/backoff";
import { saveDealt } from "./session/credentials";
import { sameCard, withCard } from "./session/dealt";
import { agree, wishOf } from "./session/play";
import { setKey } from "./session/questions";
import type { SessionPicture } from "./session/state";
import { current, update } from "./store";
import { nudge } from "./ui/nudge";

const underWay = new Set<string>();

/** Fetches the set of a card in the guest's language, once; tries again until it is there or known to be missing. */
export async function needText(card: Card | null | undefined): Promise<void> {
  const { language } = current();
  if (!card) return;
  const key = setKey(card, language);
  if (current().sets[key] !== undefined || underWay.has(key)) return;
  underWay.add(key);
  for (let attempt = 0; ; attempt++) {
    try {
      const set = await getQuestionSet(card.context, card.set_version, language);
      update({ sets: { ...current().sets, [key]: set } });
      break;
    } catch (error) {
      const problem = asProblem(error);
      if (!problem.inconclusive) {
        update({ sets: { ...current().sets, [key]: null } });
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, retryInMs(attempt, problem)));
    }
  }
  underWay.delete(key);
}

/** Called with every new picture, after the store has it. True when another card lies open, or none any more. */
export function followCards(before: SessionPicture | null, after: SessionPicture, me: string): boolean {
  const card = after.play.question;
  void needText(card);
  const dealt = withCard(current().dealt, card);
  if (dealt !== current().dealt) {
    update({ dealt });
    saveDealt(after.session_id, dealt);
  }
  if (before === null) return false;
  const turned = isAnother(before.play.question, card) || after.play.finished !== before.play.finished;
  if (turned || partnerAsks(before, after, me)) nudge();
  // What could not be done to the card before says nothing about this one, and tried again it would be done to this one.
  if (turned && current().problem !== null) update({ problem: null, retry: null });
  return turned;
}

function isAnother(before: Card | null, after: Card | null): boolean {
  if (before === null || after === null) return before !== after;
  return !sameCard(before, after);
}

function partnerAsks(before: SessionPicture, after: SessionPicture, me: string): boolean {
  const theirs = (picture: SessionPicture) => picture.play.wishes.find((one) => one.participant_id !== me);
  const now = theirs(after);
  if (now === undefined) return false;
  const was = wishOf(before.play, now.participant_id);
  return was === undefined || !agree(was, now);
}
