/** What changed between two pictures, in words for a screen reader. Pure. */
import type { PresenceStatus } from "../api/types";
import type { Strings } from "../i18n";
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
  if (after.play.both_ready && !before.play.both_ready) return words.bothReady;
  const was = others(before, me);
  const now = others(after, me);
  if (now.some((id) => !was.includes(id))) return words.joined;
  if (was.some((id) => !now.includes(id))) return words.left;
  if (after.dual_status === "expired" && before.dual_status !== "expired") return words.codeExpired;
  if (after.pairing?.generation !== before.pairing?.generation && after.dual_status === "waiting") return words.newCode;
  const partner = now[0];
  if (partner === undefined) return null;
  const ready = after.play.ready.includes(partner);
  if (ready === before.play.ready.includes(partner)) return null;
  return ready ? words.partnerReady : words.partnerNotReady;
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
