/** What a guest can do inside a session: get ready, turn cards, invite, end. */
import * as api from "./api/client";
import { asProblem, Problem } from "./api/problems";
import type { Card, Context, GameCommand, Move } from "./api/types";
import { attempt, press } from "./attempt";
import { stopFollowing, submit } from "./following";
import type { SavedSession } from "./session/credentials";
import * as credentials from "./session/credentials";
import { type Busy, current, type Pressed, update } from "./store";

const command = (busy: Busy, what: GameCommand) => attempt(busy, () => submit(what));
const atCard = (pressed: Pressed, what: GameCommand) => press(pressed, () => submit(what));

export const setReady = (ready: boolean) => command("ready", { type: "set_ready", data: { ready } });
export const chooseContext = (context: Context) => command("context", { type: "choose_context", data: { context } });
export const optInMature = () => command("opt_in", { type: "opt_in_mature", data: {} });

// --- at the card ------------------------------------------------------------------------------------------------------

const MOVES = { next: "request_next", previous: "previous", skip: "skip" } as const;

/** What a move is about: a table that has turned the card meanwhile leaves the next one alone. */
function cardInView(): { question_id?: string } {
  const card = current().picture?.play.question;
  return card ? { question_id: card.question_id } : {};
}

export const move = (to: Move) => atCard(to, { type: MOVES[to], data: cardInView() });
export const takeBack = () => atCard("withdraw", { type: "withdraw_next", data: {} });
export const startAfresh = () => atCard("afresh", { type: "start_afresh", data: {} });
export const changeContext = (context: Context) => atCard("change", { type: "choose_context", data: { context } });
export const showHint = () => atCard("hint", { type: "reveal", data: cardInView() });

export async function giveAnswer(card: Card, answer: string): Promise<boolean> {
  const { sent, pressed } = current();
  if (pressed !== null) return false;
  update({ sent: { card, answer } });
  const given = await atCard("answer", { type: "give_answer", data: { question_id: card.question_id, answer } });
  if (!given) update({ sent });
  return given;
}

// --- company and the end ----------------------------------------------------------------------------------------------

/** To A, "already paired" means that the partner is back: nothing is taken from anybody. */
async function unlessBack<T>(asked: Promise<T>): Promise<T> {
  return asked.catch((error) => {
    throw asProblem(error).code === "already_paired"
      ? new Problem("not_allowed", 409, null, null, "partner_back")
      : error;
  });
}

export function newCode(): Promise<boolean> {
  return attempt("code", async () => {
    const me = held();
    const offer = await unlessBack(api.replacePairingCode(me.session_id, me.credential));
    credentials.saveOffer(me.session_id, offer);
    update({ offer });
  });
}

/** The second place is given up, a partner's too whose phone is gone, and one phone plays on. */
export function goOnAlone(): Promise<boolean> {
  return attempt("alone", async () => {
    const me = held();
    await unlessBack(api.cancelPairing(me.session_id, me.credential));
  });
}

export function endSession(): Promise<boolean> {
  return command("end", { type: "end_session", data: {} });
}

export function leave(): Promise<boolean> {
  return attempt("end", async () => {
    const me = held();
    await api.leaveSession(me.session_id, me.participant_id, me.credential);
    stopFollowing();
    credentials.forgetSession(me.table_token, me.session_id);
    update({ route: { name: "left" } });
  });
}

function held(): SavedSession {
  const { me } = current();
  if (me === null) throw new Problem("session_not_found", 404);
  return me;
}
