/** The one session this phone follows: what its log, its connection and its company do to the store. */
import { Problem } from "./api/problems";
import type { GameCommand, Member } from "./api/types";
import { followCards } from "./cards";
import { loadLive } from "./load-live";
import type { SessionFollower } from "./realtime/follow";
import { announceLog, announcePresence } from "./session/announce";
import type { SavedSession } from "./session/credentials";
import * as credentials from "./session/credentials";
import { awaitsCard, hasActed } from "./session/play";
import { hasEnded, type SessionPicture } from "./session/state";
import { current, say, update } from "./store";

/** The first card comes with what calls for it; if it does not, that alone is shown after this. */
const CARD_WITHIN_MS = 250;
/** Longer than an open connection takes to say where a partner with a socket is. */
const UNHEARD_MS = 10_000;

let follower: SessionFollower | null = null;
let held: ReturnType<typeof setTimeout> | undefined;
let silence: ReturnType<typeof setTimeout> | undefined;

export async function follow(saved: SavedSession): Promise<void> {
  const { SessionFollower } = await loadLive(true);
  if (current().me !== saved) return;
  follower = new SessionFollower(saved, {
    onLog: ({ picture }) => {
      if (picture === null) return;
      clearTimeout(held);
      const { picture: before } = current();
      // The events of one command come one by one: shown at once, the first would take the game from the screen.
      if (before !== null && awaitsCard(before, picture))
        held = setTimeout(() => showPicture(saved, picture), CARD_WITHIN_MS);
      else showPicture(saved, picture);
    },
    onConnection: (connection) => {
      update({ connection });
      listenForPartner(saved.participant_id);
    },
    onPresence: (participants) => {
      const presence = Object.fromEntries(participants.map((one) => [one.participant_id, one.status]));
      const { presence: before, picture, strings } = current();
      const partner = partnerIn(picture, saved.participant_id);
      const said = announcePresence(before, presence, partner?.participant_id, strings.announce);
      update({ presence });
      listenForPartner(saved.participant_id);
      if (said !== null) say(said);
    },
    onFinal: (problem) => {
      credentials.forgetSession(saved.table_token, saved.session_id);
      const { name } = current().route;
      if (name === "session") update({ problem, route: { name: "lost" } });
      // Whoever types a partner's code meanwhile goes on typing; there is nothing left to turn back to.
      else if (name === "join") update({ me: null, picture: null });
    },
  });
  follower.start();
}

function showPicture(saved: SavedSession, picture: SessionPicture): void {
  const { picture: before, strings } = current();
  const said = announceLog(before, picture, saved.participant_id, strings.announce);
  update({ picture });
  const turned = followCards(before, picture, saved.participant_id);
  if (said !== null || turned) say(said ?? "");
  if (before !== null) hearOfPollers(before, picture);
  listenForPartner(saved.participant_id);
  dropSpentOffer(before, picture);
  if (hasEnded(picture)) credentials.forgetSession(saved.table_token, saved.session_id);
}

/** What a phone without a socket does tells of it sooner than presence, which hears of its requests some seconds later. */
function hearOfPollers(before: SessionPicture, after: SessionPicture): void {
  const { presence } = current();
  const gone = Object.keys(presence).filter((id) => presence[id] === "gone");
  const heard = gone.filter((id) => hasActed(before.play, after.play, id));
  if (heard.length === 0) return;
  update({ presence: Object.fromEntries(Object.entries(presence).filter(([id]) => !heard.includes(id))) });
}

function partnerIn(picture: SessionPicture | null, me: string): Member | undefined {
  return picture?.members.find((one) => one.present && one.participant_id !== me);
}

/** Presence comes over this phone's socket alone. Without one, or before a partner is heard of, the rules know who is there. */
function listenForPartner(me: string): void {
  const { connection, picture, presence, unheard } = current();
  const partner = partnerIn(picture, me);
  const unknown =
    partner !== undefined &&
    (connection === "polling" || (connection === "live" && presence[partner.participant_id] === undefined));
  if (unknown) {
    silence ??= setTimeout(() => update({ unheard: true }), UNHEARD_MS);
    return;
  }
  clearTimeout(silence);
  silence = undefined;
  if (unheard) update({ unheard: false });
}

/** The code shown here goes when waiting ends, and when another tab has made a newer one. */
function dropSpentOffer(before: SessionPicture | null, picture: SessionPicture): void {
  const { offer } = current();
  if (offer === null) return;
  // An offer does not say its generation; of two codes of a session the newer one is good for longer.
  const shown = Date.parse(offer.expires_at);
  const logged = Date.parse(picture.pairing?.expires_at ?? "");
  const over = before?.dual_status === "waiting" && picture.dual_status !== "waiting";
  // An answer is quicker than the log: what ended is then the code before the one shown.
  const ahead = shown > logged;
  if (shown < logged || (over && !ahead)) {
    credentials.forgetOffer(picture.session_id);
    update({ offer: null });
  }
}

export function stopFollowing(): void {
  clearTimeout(held);
  clearTimeout(silence);
  silence = undefined;
  follower?.stop();
  follower = null;
}

export function isFollowing(): boolean {
  return follower !== null;
}

/** Looks at once instead of waiting; takes the session back from another tab. */
export function wakeUp(): void {
  follower?.wake();
}

/** Resolves once the command has taken effect. Raises Problem. */
export async function submit(what: GameCommand): Promise<void> {
  if (follower === null) throw new Problem("session_closed", 410);
  await follower.submit(what);
}
