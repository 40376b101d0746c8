/** Who is at the table and what each of them wants, as the screens need it. Pure. */
import type { Card, Member, PresenceStatus, Wish } from "../api/types";
import { sameCard } from "../session/dealt";
import { wishOf } from "../session/play";
import { isInviting } from "../session/state";
import type { AppState } from "../store";
import type { Seat } from "../ui/TableTop";

export interface Company {
  partner: Member | undefined;
  /** undefined while nobody says: presence comes over the socket, and only the latest word of an open one counts. */
  status: PresenceStatus | undefined;
  /** Two phones play, though the other may be away or may have left. */
  dual: boolean;
  /** A alone invites, and goes on without the partner. */
  hosts: boolean;
  /** A's invitation is out and nobody has come of it: a partner who comes back before anybody takes the place simply goes on. */
  inviting: boolean;
  /** The second place is free, or its phone gone. */
  missing: boolean;
  /** It is missing, or may be: this phone may invite somebody to it, and has not done so yet. */
  mayInvite: boolean;
  /** Likewise, for giving it up. A partner whose socket is open, or has just come, keeps it: the server refuses both. */
  mayGoAlone: boolean;
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

export type Seen = Pick<AppState, "picture" | "me" | "presence" | "sent" | "connection" | "table" | "unheard">;

export function company({ picture, me, presence, sent, connection, table, unheard }: Seen): Company {
  const my = me?.participant_id;
  const partner = picture?.members.find((one) => one.present && one.participant_id !== my);
  const theirId = partner?.participant_id;
  const play = picture?.play;
  const status = theirId === undefined || connection !== "live" ? undefined : presence[theirId];
  const hosts = me?.role === "A";
  const dual = picture?.mode === "dual";
  // A phone that polls hears no more of it; one that only blinks goes by what it heard last.
  const heard = theirId === undefined || connection === "polling" ? undefined : presence[theirId];
  const inviting = hosts && dual && isInviting(picture) && heard !== "online" && heard !== "away";
  const missing = partner === undefined || status === "gone";
  const free = hosts && (missing || (unheard && status === undefined));
  const answerOf = (id: string | undefined) => play?.answers.find((one) => one.participant_id === id)?.answer;
  return {
    partner,
    status,
    dual,
    hosts,
    inviting,
    missing,
    mayGoAlone: free && dual,
    mayInvite: free && !inviting && table?.offers.dual !== false,
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
