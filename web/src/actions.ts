/** Where the guest is, and the ways into a session: what screens call before the cards. */
import * as api from "./api/client";
import { serverNow } from "./api/http";
import { asProblem, Problem } from "./api/problems";
import type { Context, JoinDual, Mode, Participant, TableView } from "./api/types";
import { attempt } from "./attempt";
import { needText } from "./cards";
import { follow, stopFollowing } from "./following";
import { chosenLanguage, type Language, loadStrings, pickLanguage, rememberLanguage } from "./i18n";
import { randomKey } from "./ids";
import { loadLive } from "./load-live";
import { type JoinLink, readJoinFragment } from "./pairing/code";
import { backoffMs } from "./realtime/backoff";
import type { SavedSession } from "./session/credentials";
import * as credentials from "./session/credentials";
import { current, type Route, update } from "./store";

export async function setLanguage(language: Language, remember = true): Promise<void> {
  if (remember) rememberLanguage(language);
  const strings = await loadStrings(language);
  document.documentElement.lang = language;
  update({ language, strings });
  const { picture, dealt } = current();
  void needText(picture?.play.question ?? dealt.at(-1));
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
  credentials.sweepExpired(serverNow());
  const token = tokenOfAddress();
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
  const tableToken = decode(token);
  update({ tableToken });
  const mine = link === null ? credentials.loadSessionOfTab(tableToken, serverNow()) : null;
  if (mine === null) {
    await Promise.all([spoken, loadTable()]);
  } else {
    await spoken;
    resume(mine);
    await learnTable(tableToken);
  }
  void loadLive();
  if (link !== null && current().table !== null) await followLink(link);
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

async function fetchTable(token: string): Promise<TableView> {
  const table = await api.getTable(token);
  const noneOfOurs = chosenLanguage() === null && !speaksOurs();
  if (noneOfOurs) await setLanguage(pickLanguage([], table.location.language), false);
  return table;
}

/** The table's name for a session that is already on the screen; the game does not wait for it. */
async function learnTable(token: string): Promise<void> {
  for (let attempt = 0; current().table === null; attempt++) {
    try {
      update({ table: await fetchTable(token) });
    } catch (error) {
      if (!asProblem(error).transient) return;
      await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt)));
    }
  }
}

export async function loadTable(): Promise<void> {
  const token = current().tableToken;
  if (token === null) return;
  update({ route: { name: "loading" }, problem: null });
  try {
    const table = await fetchTable(token);
    const saved = credentials.loadSession(token, serverNow());
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
  stopFollowing();
  if (history.state?.screen) history.replaceState(null, "");
  update({
    me: saved,
    saved: null,
    picture: null,
    presence: {},
    connection: "connecting",
    problem: null,
    pressed: null,
    sent: null,
    dealt: credentials.loadDealt(saved.session_id),
    offer: credentials.loadOffer(saved.session_id, serverNow()),
    route: { name: "session" },
  });
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
  });
  await loadTable();
}
