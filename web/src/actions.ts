/** What a guest can do, and what it does to the store. Screens call these and hold no logic of their own. */
import * as api from "./api/client";
import { serverNow } from "./api/http";
import { asProblem, Problem } from "./api/problems";
import type { Context, GameCommand, JoinDual, Mode, Participant } from "./api/types";
import { chosenLanguage, type Language, loadStrings, pickLanguage, rememberLanguage } from "./i18n";
import { randomKey } from "./ids";
import { loadLive } from "./load-live";
import { type JoinLink, readJoinFragment } from "./pairing/code";
import type { SessionFollower } from "./realtime/follow";
import { announceLog, announcePresence } from "./session/announce";
import type { SavedSession } from "./session/credentials";
import * as credentials from "./session/credentials";
import type { SessionPicture } from "./session/state";
import { type Busy, current, type Route, update } from "./store";

let follower: SessionFollower | null = null;

/** Runs one thing the guest asked for; a refusal becomes the problem on the screen, to be tried again. False when refused. */
async function attempt(busy: Busy, action: () => Promise<void>): Promise<boolean> {
  const { busy: running, route } = current();
  if (running !== null) return false;
  update({ busy, problem: null, retry: null });
  try {
    await action();
    return true;
  } catch (error) {
    // A guest who went elsewhere meanwhile wants it no more.
    const retry = current().route === route ? () => void attempt(busy, action) : null;
    update({ problem: asProblem(error), retry });
    return false;
  } finally {
    update({ busy: null });
  }
}

export async function setLanguage(language: Language, remember = true): Promise<void> {
  if (remember) rememberLanguage(language);
  const strings = await loadStrings(language);
  document.documentElement.lang = language;
  update({ language, strings });
}

// --- where the guest is -----------------------------------------------------------------------------------------------

/** Screens before a session can be left with the phone's own back button. */
export function go(route: Route): void {
  if (route.name !== "decide") history.pushState({ screen: route.name }, "");
  update({ route, problem: null });
}

export function goBack(): void {
  if (history.state?.screen) history.back();
  else update({ route: { name: "decide" }, problem: null });
}

function onPopState(): void {
  const { name } = current().route;
  if (name === "context" || name === "join") update({ route: { name: "decide" }, problem: null });
}

export function dismissProblem(): void {
  update({ problem: null });
}

/** Reads the address: the table from the path, a join link from the fragment, which leaves the address at once. */
export async function open(): Promise<void> {
  const link = readJoinFragment(location.hash);
  if (location.hash.startsWith("#join=")) history.replaceState(null, "", location.pathname + location.search);
  const token = /^\/t\/([^/]+)\/?$/.exec(location.pathname)?.[1] ?? null;
  credentials.sweepExpired(serverNow());
  const language = chosenLanguage() ?? pickLanguage(navigator.languages ?? [navigator.language], null);
  const spoken = setLanguage(language, false);
  const seeNetwork = () => update({ online: navigator.onLine !== false });
  addEventListener("online", seeNetwork);
  addEventListener("offline", seeNetwork);
  addEventListener("popstate", onPopState);
  addEventListener("hashchange", () => {
    const later = readJoinFragment(location.hash);
    if (later === null) return;
    history.replaceState(null, "", location.pathname + location.search);
    void followLink(later);
  });
  if (token === null) {
    await spoken;
    update({ route: { name: "landing" } });
    return;
  }
  update({ tableToken: decode(token) });
  await Promise.all([spoken, loadTable()]);
  void loadLive();
  if (link !== null && current().table !== null) await followLink(link);
}

function decode(token: string): string {
  try {
    return decodeURIComponent(token);
  } catch {
    return token;
  }
}

export async function loadTable(): Promise<void> {
  const token = current().tableToken;
  if (token === null) return;
  update({ route: { name: "loading" }, problem: null });
  try {
    const table = await api.getTable(token);
    const saved = credentials.loadSession(token, serverNow());
    const noneOfOurs = chosenLanguage() === null && !speaksOurs();
    if (noneOfOurs) await setLanguage(pickLanguage([], table.location.language), false);
    update({ table, saved, route: { name: table.status === "open" || saved ? "decide" : "table_problem" } });
    if (saved !== null) void checkSaved(saved);
  } catch (error) {
    update({ problem: asProblem(error), route: { name: "table_problem" } });
  }
}

function speaksOurs(): boolean {
  const phone = navigator.languages ?? [navigator.language];
  return pickLanguage(phone, null) !== "en" || phone.some((tag) => tag.toLowerCase().startsWith("en"));
}

/** Offers to resume only what can be resumed; what cannot be asked right now stays on offer. */
async function checkSaved(saved: SavedSession): Promise<void> {
  let over = false;
  try {
    const { state } = await api.getSnapshot(saved.session_id, saved.credential);
    over = state.state === "closed" || state.state === "expired";
  } catch (error) {
    over = !asProblem(error).transient && asProblem(error).code !== "unexpected";
  }
  if (!over) return;
  credentials.forgetSession(saved.table_token, saved.session_id);
  if (current().saved !== saved) return;
  update({ saved: null });
  const { route, table } = current();
  if (route.name === "decide" && table?.status !== "open") update({ route: { name: "table_problem" } });
}

// --- starting, joining, resuming --------------------------------------------------------------------------------------

function enter(sessionId: string, participant: Participant): SavedSession {
  const saved: SavedSession = {
    table_token: current().tableToken ?? "",
    session_id: sessionId,
    participant_id: participant.participant_id,
    role: participant.role,
    credential: participant.credential,
    expires_at: participant.expires_at,
  };
  credentials.saveSession(saved);
  resume(saved);
  return saved;
}

export function resume(saved: SavedSession): void {
  follower?.stop();
  follower = null;
  if (history.state?.screen) history.replaceState(null, "");
  update({
    me: saved,
    saved: null,
    picture: null,
    presence: {},
    connection: "connecting",
    problem: null,
    offer: credentials.loadOffer(saved.session_id, serverNow()),
    route: { name: "session" },
  });
  credentials.saveSession(saved);
  void follow(saved);
}

async function follow(saved: SavedSession): Promise<void> {
  const { SessionFollower } = await loadLive();
  if (current().me !== saved) return;
  follower = new SessionFollower(saved, {
    onLog: ({ picture }) => {
      if (picture === null) return;
      const { picture: before, strings } = current();
      const said = announceLog(before, picture, saved.participant_id, strings.announce);
      update({ picture, ...(said === null ? {} : { announcement: said }) });
      dropSpentOffer(before, picture);
      if (picture.state === "closed" || picture.state === "expired") {
        credentials.forgetSession(saved.table_token, saved.session_id);
      }
    },
    onConnection: (connection) => update({ connection }),
    onPresence: (participants) => {
      const presence = Object.fromEntries(participants.map((one) => [one.participant_id, one.status]));
      const { presence: before, picture, strings } = current();
      const partner = picture?.members.find((one) => one.present && one.participant_id !== saved.participant_id);
      const said = announcePresence(before, presence, partner?.participant_id, strings.announce);
      update({ presence, ...(said === null ? {} : { announcement: said }) });
    },
    onFinal: (problem) => {
      credentials.forgetSession(saved.table_token, saved.session_id);
      if (current().route.name === "session") update({ problem, route: { name: "lost" } });
    },
  });
  follower.start();
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

/** One key for one wish: pressing again after a lost answer gives the same session, not a second one. */
let startKey: { wish: string; key: string } | null = null;

function keyFor(wish: string): string {
  if (startKey?.wish !== wish) startKey = { wish, key: randomKey() };
  return startKey.key;
}

export function start(mode: Mode, context: Context): Promise<boolean> {
  return attempt("start", async () => {
    const { tableToken, language } = current();
    if (tableToken === null) throw new Problem("table_not_found", 404);
    const body = { table_token: tableToken, mode, context, language };
    try {
      const created = await api.createSession(body, keyFor(JSON.stringify(body)));
      startKey = null;
      if (created.pairing !== null) credentials.saveOffer(created.session.session_id, created.pairing);
      enter(created.session.session_id, created.participant);
    } catch (error) {
      if (!asProblem(error).transient) startKey = null;
      throw error;
    }
  });
}

function join(body: Omit<JoinDual, "table_token">): Promise<boolean> {
  return attempt("join", async () => {
    const { tableToken } = current();
    if (tableToken === null) throw new Problem("table_not_found", 404);
    const wish = { table_token: tableToken, ...body };
    try {
      const joined = await api.joinDual(wish, keyFor(JSON.stringify(wish)));
      startKey = null;
      enter(joined.session.session_id, joined.participant);
    } catch (error) {
      if (!asProblem(error).transient) startKey = null;
      throw error;
    }
  });
}

export function joinByCode(code: string): Promise<boolean> {
  return join({ code });
}

export async function followLink(link: JoinLink): Promise<void> {
  const { saved, me, route, busy } = current();
  if (busy !== null) return;
  const mine = route.name === "session" ? me : saved;
  // A who opens its own link is already at the table.
  if (mine?.session_id === link.sessionId) {
    if (route.name !== "session") resume(mine);
    return;
  }
  follower?.stop();
  update({ route: { name: "joining" }, problem: null });
  await join({ join_secret: `${link.sessionId}.${link.secret}` });
}

// --- in the session ---------------------------------------------------------------------------------------------------

function command(busy: Busy, what: GameCommand): Promise<boolean> {
  return attempt(busy, async () => {
    if (follower === null) throw new Problem("session_closed", 410);
    await follower.submit(what);
  });
}

export const setReady = (ready: boolean) => command("ready", { type: "set_ready", data: { ready } });
export const chooseContext = (context: Context) => command("context", { type: "choose_context", data: { context } });
export const optInMature = () => command("opt_in", { type: "opt_in_mature", data: {} });

export function takeOverHere(): void {
  follower?.wake();
}

export function newCode(): Promise<boolean> {
  return attempt("code", async () => {
    const me = held();
    const offer = await api.replacePairingCode(me.session_id, me.credential).catch((error) => {
      // To the one who invites, "already paired" means that the partner is back: nothing is taken from anybody.
      throw asProblem(error).code === "already_paired" ? new Problem("not_allowed", 409) : error;
    });
    credentials.saveOffer(me.session_id, offer);
    update({ offer });
  });
}

export function goOnAlone(): Promise<boolean> {
  return attempt("alone", async () => {
    const me = held();
    await api.cancelPairing(me.session_id, me.credential);
  });
}

export function endSession(): Promise<boolean> {
  return command("end", { type: "end_session", data: {} });
}

export function leave(): Promise<boolean> {
  return attempt("end", async () => {
    const me = held();
    await api.leaveSession(me.session_id, me.participant_id, me.credential);
    follower?.stop();
    credentials.forgetSession(me.table_token, me.session_id);
    update({ route: { name: "left" } });
  });
}

function held(): SavedSession {
  const { me } = current();
  if (me === null) throw new Problem("session_not_found", 404);
  return me;
}

/** Away from an ended or lost session, to the table's first screen. */
export async function backToTable(): Promise<void> {
  follower?.stop();
  follower = null;
  update({ me: null, picture: null, connection: null, presence: {}, offer: null, problem: null });
  await loadTable();
}
