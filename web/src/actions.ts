/** Where the guest is, and the ways into a session: what screens call before the cards. */
import * as api from "./api/client";
import { serverNow } from "./api/http";
import { asProblem, Problem, type ProblemCode } from "./api/problems";
import type { Context, JoinDual, Mode, Participant, TableView } from "./api/types";
import { attempt } from "./attempt";
import { needText } from "./cards";
import { follow, isFollowing, stopFollowing } from "./following";
import { chosenLanguage, type Language, loadStrings, pickLanguage, rememberLanguage } from "./i18n";
import { randomKey, randomUuid } from "./ids";
import { loadLive } from "./load-live";
import { afterFailure } from "./missing-file";
import { type JoinLink, readJoinFragment } from "./pairing/code";
import { retryInMs } from "./realtime/backoff";
import { Patience } from "./realtime/patience";
import type { SavedSession } from "./session/credentials";
import * as credentials from "./session/credentials";
import { hasEnded } from "./session/state";
import { current, type Route, say, update } from "./store";

let wanted: Language | null = null;

/** Until the language's file is there, the one before is spoken. */
export async function setLanguage(language: Language, remember = true): Promise<void> {
  wanted = language;
  if (remember) rememberLanguage(language);
  if (!(await speak(language))) void keepLearning(language);
}

/** False when its file cannot be fetched now. */
async function speak(language: Language): Promise<boolean> {
  const strings = await loadStrings(language).catch(() => null);
  if (wanted !== language) return true;
  if (strings === null) {
    // The switch shows what is spoken, not what was asked for.
    update({});
    return false;
  }
  document.documentElement.lang = language;
  update({ language, strings });
  const { picture, dealt } = current();
  void needText(picture?.play.question ?? dealt.at(-1));
  return true;
}

/** A game in the wrong language can be played: it is not taken from the screen time and again. */
const RELOAD_EVERY_MS = 600_000;

async function keepLearning(language: Language): Promise<void> {
  for (let failures = 1; wanted === language; failures++) {
    await afterFailure(failures, RELOAD_EVERY_MS);
    if (await speak(language)) return;
  }
}

// --- where the guest is -----------------------------------------------------------------------------------------------

/** Screens before a session can be left with the phone's own back button. */
export function go(route: Route): void {
  if (route.name !== "decide") history.pushState({ screen: route.name }, "");
  update({ route, problem: null });
}

export function goBack(): void {
  if (history.state?.screen) history.back();
  else turnBack();
}

function onPopState(): void {
  const { name } = current().route;
  if (name === "context" || name === "join") turnBack();
}

/** Who came from a session of their own finds it, and its code, as they left it. */
function turnBack(): void {
  const { me } = current();
  if (me === null) update({ route: { name: "decide" }, problem: null });
  else if (isFollowing()) update({ route: { name: "session" }, problem: null });
  else resume(me);
}

/** The partner typed this phone's code first: both are at this phone's table, and nothing is left to type. */
export function partnerCame(): void {
  if (history.state?.screen) history.replaceState(null, "");
  turnBack();
}

export function dismissProblem(): void {
  update({ problem: null });
}

/** Reads the address: the table from the path, a join link from the fragment, which leaves the address at once. */
export async function open(): Promise<void> {
  const link = readJoinFragment(location.hash);
  if (location.hash.startsWith("#join=")) history.replaceState(null, "", location.pathname + location.search);
  credentials.sweepExpired(serverNow());
  const token = tokenOfAddress();
  const language = chosenLanguage() ?? pickLanguage(navigator.languages ?? [navigator.language], null);
  const spoken = setLanguage(language, false);
  const seeNetwork = () => update({ online: navigator.onLine !== false });
  addEventListener("online", seeNetwork);
  addEventListener("offline", seeNetwork);
  addEventListener("online", () => patience.wake());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") patience.wake();
  });
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
  const tableToken = decode(token);
  update({ tableToken });
  const mine = link === null ? credentials.loadSessionOfTab(tableToken, serverNow()) : null;
  if (mine === null) {
    await Promise.all([spoken, loadTable()]);
  } else {
    await spoken;
    resume(mine);
    await bringTable();
  }
  void loadLive();
  // The table may have taken long: who has gone on meanwhile is not called back.
  if (link !== null && current().table !== null && current().route.name !== "session") await followLink(link);
}

/** Of the table in the address or, where the installed app starts without one, of the evening that is still on. */
function tokenOfAddress(): string | null {
  const token = /^\/t\/([^/]+)\/?$/.exec(location.pathname)?.[1];
  if (token !== undefined) return token;
  const last = credentials.tableOfSession(serverNow());
  if (last === null) return null;
  const address = encodeURIComponent(last);
  history.replaceState(null, "", `/t/${address}`);
  return address;
}

function decode(token: string): string {
  try {
    return decodeURIComponent(token);
  } catch {
    return token;
  }
}

/** Cut short when the network or the page comes back. */
const patience = new Patience();
/** The first failures may be a blink: only then is the guest told. */
const BLINKS = 2;
/** A table that takes longer than this does not keep a guest from the session that this phone holds. */
const OFFER_AFTER_MS = 1_500;

async function fetchTable(token: string): Promise<TableView> {
  const table = await patience.try((signal) => api.getTable(token, { signal, retries: 0 }));
  const noneOfOurs = chosenLanguage() === null && !speaksOurs();
  if (noneOfOurs) await setLanguage(pickLanguage([], table.location.language), false);
  return table;
}

let bringing: Promise<void> | null = null;

/** Resolves with the table in the store, or with a refusal for good on the screen; until then it tries again by itself. */
function bringTable(): Promise<void> {
  patience.wake();
  bringing ??= keepAsking().finally(() => {
    bringing = null;
  });
  return bringing;
}

async function keepAsking(): Promise<void> {
  const { tableToken } = current();
  if (tableToken === null) return;
  for (let attempt = 0; ; attempt++) {
    try {
      update({ table: await fetchTable(tableToken) });
      return arrive(null);
    } catch (error) {
      const problem = asProblem(error);
      if (!problem.transient || attempt >= BLINKS || (problem.retryAfter ?? 0) > 0) arrive(problem);
      if (!problem.transient) return;
      await patience.wait(retryInMs(attempt, problem));
    }
  }
}

/** What became of the table, to a guest who waits for it; nobody else is called away from where they are. */
function arrive(problem: Problem | null): void {
  const { route, table } = current();
  if (route.name !== "loading" && route.name !== "table_problem") return;
  if ((problem === null || problem.transient) && offerSaved()) return;
  const open = problem === null && table?.status === "open";
  update({ problem, saved: null, route: { name: open ? "decide" : "table_problem" } });
}

/** A session can be resumed without knowing the name of its table. */
function offerSaved(): boolean {
  const saved = credentials.loadSession(current().tableToken ?? "", serverNow());
  if (saved === null) return false;
  update({ saved, problem: null, route: { name: "decide" } });
  void checkSaved(saved);
  return true;
}

/** To the table's first screen, as soon as the table, or a session that this phone holds, can be offered. */
export async function loadTable(): Promise<void> {
  if (current().tableToken === null) return;
  update({ route: { name: "loading" }, problem: null });
  const impatient = setTimeout(() => {
    if (current().route.name === "loading") offerSaved();
  }, OFFER_AFTER_MS);
  await bringTable();
  clearTimeout(impatient);
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
    over = hasEnded(state);
  } catch (error) {
    over = !asProblem(error).inconclusive;
  }
  if (!over) return;
  credentials.forgetSession(saved.table_token, saved.session_id);
  if (current().saved !== saved) return;
  update({ saved: null });
  const { route, table } = current();
  if (route.name !== "decide" || table?.status === "open") return;
  update({ route: { name: table === null ? "loading" : "table_problem" } });
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
  stopFollowing();
  if (history.state?.screen) history.replaceState(null, "");
  update({
    me: saved,
    saved: null,
    picture: null,
    presence: {},
    unheard: false,
    connection: "connecting",
    problem: null,
    busy: null,
    pressed: null,
    sent: null,
    dealt: credentials.loadDealt(saved.session_id),
    offer: credentials.loadOffer(saved.session_id, serverNow()),
    route: { name: "session" },
  });
  say("");
  credentials.saveSession(saved);
  void needText(current().dealt.at(-1));
  void follow(saved);
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
      if (!asProblem(error).inconclusive) startKey = null;
      throw error;
    }
  });
}

/** After these a code is of no use any more. */
export const SPENT: ReadonlySet<ProblemCode> = new Set(["code_expired", "already_paired"]);
const PARTNER_WITHIN_MS = 700;

function join(body: Omit<JoinDual, "table_token">): Promise<boolean> {
  return attempt("join", async () => {
    const { tableToken } = current();
    if (tableToken === null) throw new Problem("table_not_found", 404);
    const wish = { table_token: tableToken, ...body };
    const before = current().me ?? credentials.loadSession(tableToken, serverNow());
    try {
      const leaving = before?.credential ?? null;
      const joined = await api.joinDual({ ...wish, leaving_credential: leaving }, keyFor(JSON.stringify(wish)));
      startKey = null;
      enter(joined.session.session_id, joined.participant);
      if (before !== null && before.session_id !== joined.session.session_id) {
        credentials.forgetSession(before.table_token, before.session_id);
        void giveUp(before);
      }
    } catch (error) {
      const problem = asProblem(error);
      if (!problem.inconclusive) startKey = null;
      if (before === null || !SPENT.has(problem.code) || !(await hasPartner(before))) throw error;
      resume(before);
    }
  });
}

/**
 * Two phones may send each other's codes in one moment: the slower one hears that the code is of no use any more, and
 * has a partner at its own table. The match is quicker to be answered than to be in the log.
 */
async function hasPartner(held: SavedSession): Promise<boolean> {
  for (const pause of [0, PARTNER_WITHIN_MS]) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    try {
      const { state } = await api.getSnapshot(held.session_id, held.credential);
      if (hasEnded(state)) return false;
      if (state.members.some((one) => one.present && one.participant_id !== held.participant_id)) return true;
    } catch {
      return false;
    }
  }
  return false;
}

/**
 * A guest who joins a partner has left the session that this phone held before, whose code ran out with the joining:
 * nobody else at its table should wait for this phone, and one that nobody else is in is over. A partner's round is not
 * ended: to it, this phone is gone.
 */
async function giveUp(held: SavedSession): Promise<void> {
  try {
    const { state } = await api.getSnapshot(held.session_id, held.credential);
    if (hasEnded(state)) return;
    const alone = state.members.every((one) => !one.present || one.participant_id === held.participant_id);
    if (held.role === "B") await api.leaveSession(held.session_id, held.participant_id, held.credential);
    else if (alone)
      await api.postCommand(held.session_id, held.credential, randomUuid(), { type: "end_session", data: {} });
  } catch {
    // It ends by itself after a while.
  }
}

export function joinByCode(code: string): Promise<boolean> {
  return join({ code });
}

export async function followLink(link: JoinLink): Promise<void> {
  const { saved, me, route, busy } = current();
  if (busy !== null) return;
  const mine = route.name === "session" || route.name === "join" ? (me ?? saved) : saved;
  // A who opens its own link is already at the table.
  if (mine?.session_id === link.sessionId) {
    if (route.name !== "session") resume(mine);
    return;
  }
  stopFollowing();
  update({ route: { name: "joining" }, problem: null });
  await join({ join_secret: `${link.sessionId}.${link.secret}` });
}

/** Away from an ended or lost session, to the table's first screen. */
export async function backToTable(): Promise<void> {
  stopFollowing();
  update({
    me: null,
    picture: null,
    connection: null,
    presence: {},
    offer: null,
    dealt: [],
    sent: null,
    problem: null,
    busy: null,
    pressed: null,
  });
  say("");
  await loadTable();
}
