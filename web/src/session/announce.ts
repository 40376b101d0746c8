/** What changed between two pictures, in words for a screen reader. Pure. */
import type { PresenceStatus } from "../api/types";
import type { Strings } from "../i18n";
import { sameCard } from "./dealt";
import { agree, wishOf } from "./play";
import type { SessionPicture } from "./state";

const others = (picture: SessionPicture, me: string) =>
  picture.members.filter((member) => member.present && member.participant_id !== me).map((one) => one.participant_id);

export function announceLog(
  before: SessionPicture | null,
  after: SessionPicture,
  me: string,
  words: Strings["announce"],
): string | null {
  if (before === null) return null;
  if (after.play.both_ready && !before.play.both_ready) {
    // A partner who is away holds nobody up, and is not called ready.
    const ready = [me, ...others(after, me)].every((id) => after.play.ready.includes(id));
    return ready ? words.bothReady : null;
  }
  const was = others(before, me);
  const now = others(after, me);
  if (now.some((id) => !was.includes(id))) return words.joined;
  if (was.some((id) => !now.includes(id))) return words.left;
  if (after.dual_status === "expired" && before.dual_status !== "expired") return words.codeExpired;
  if (after.pairing?.generation !== before.pairing?.generation && after.dual_status === "waiting") return words.newCode;
  const partner = now[0];
  if (partner === undefined) return null;
  const played = announcePlay(before, after, partner, words);
  if (played !== null) return played;
  const ready = after.play.ready.includes(partner);
  if (ready === before.play.ready.includes(partner)) return null;
  return ready ? words.partnerReady : words.partnerNotReady;
}

/** The same card, or the same place without one: before a deck's first, or after its last. */
function samePlace(one: SessionPicture, other: SessionPicture): boolean {
  const [was, now] = [one.play.question, other.play.question];
  if (was !== null && now !== null) return sameCard(was, now);
  return was === now && one.play.finished === other.play.finished && one.context === other.context;
}

/** A new card is not said here: its heading takes the focus. */
function announcePlay(
  before: SessionPicture,
  after: SessionPicture,
  partner: string,
  words: Strings["announce"],
): string | null {
  const [was, now] = [before.play, after.play];
  if (!samePlace(before, after)) return null;
  if (now.revealed && !was.revealed) return words.answersRevealed;
  if (now.answered.includes(partner) && !was.answered.includes(partner)) return words.partnerAnswered;
  if (now.question?.hint_revealed && !was.question?.hint_revealed) return words.hintShown;
  const [asked, asks] = [wishOf(was, partner), wishOf(now, partner)];
  if (asks !== undefined && (asked === undefined || !agree(asked, asks))) return words.wishes[asks.wish];
  return asked !== undefined && asks === undefined ? words.wishWithdrawn : null;
}

type Presence = Readonly<Record<string, PresenceStatus>>;

export function announcePresence(
  before: Presence,
  after: Presence,
  partner: string | undefined,
  words: Strings["announce"],
): string | null {
  if (partner === undefined) return null;
  const was = before[partner];
  const now = after[partner];
  if (was === undefined || now === undefined || was === now) return null;
  if (now === "online") return words.partnerBack;
  return was === "online" ? words.partnerAway : null;
}
