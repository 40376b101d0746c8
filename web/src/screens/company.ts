/** Who is at the table and what each of them wants, as the screens need it. Pure. */
import type { Card, Member, PresenceStatus, Wish } from "../api/types";
import { sameCard } from "../session/dealt";
import { wishOf } from "../session/play";
import type { AppState } from "../store";
import type { Seat } from "../ui/TableTop";

export interface Company {
  partner: Member | undefined;
  /** undefined while nobody says: presence comes over the socket, and only the latest word of an open one counts. */
  status: PresenceStatus | undefined;
  /** Two phones play, though the other may be away or may have left. */
  dual: boolean;
  iAmReady: boolean;
  partnerReady: boolean;
  mine: Wish | undefined;
  theirs: Wish | undefined;
  iAnswered: boolean;
  theyAnswered: boolean;
  /** What this phone answered, where it knows. */
  myAnswer: string | undefined;
  theirAnswer: string | undefined;
}

type Seen = Pick<AppState, "picture" | "me" | "presence" | "sent" | "connection">;

export function company({ picture, me, presence, sent, connection }: Seen): Company {
  const my = me?.participant_id;
  const partner = picture?.members.find((one) => one.present && one.participant_id !== my);
  const theirId = partner?.participant_id;
  const play = picture?.play;
  const answerOf = (id: string | undefined) => play?.answers.find((one) => one.participant_id === id)?.answer;
  return {
    partner,
    status: theirId === undefined || connection !== "live" ? undefined : presence[theirId],
    dual: picture?.mode === "dual",
    iAmReady: play?.ready.includes(my ?? "") === true,
    partnerReady: theirId !== undefined && play?.ready.includes(theirId) === true,
    mine: play && wishOf(play, my),
    theirs: play && theirId !== undefined ? wishOf(play, theirId) : undefined,
    iAnswered: play?.answered.includes(my ?? "") === true,
    theyAnswered: theirId !== undefined && play?.answered.includes(theirId) === true,
    myAnswer: answerOf(my) ?? sentAnswer(sent, play?.question ?? null),
    theirAnswer: answerOf(theirId),
  };
}

function sentAnswer(sent: AppState["sent"], card: Card | null): string | undefined {
  return sent !== null && card !== null && sameCard(sent.card, card) ? sent.answer : undefined;
}

export function seats({ partner, status, dual }: Company): { left: Seat; right: Seat } {
  if (!dual) return { left: "here", right: "here" };
  if (partner === undefined) return { left: "here", right: "free" };
  return { left: "here", right: status === "away" || status === "gone" ? "away" : "here" };
}
