/** The polling client in the open: what an integration without WebSockets does, step by step. */
import { getEvents, getSnapshot } from "../api/client";
import { asProblem } from "../api/problems";
import type { EventPage, LogEvent } from "../api/types";
import { Poller } from "../realtime/polling";

const byId = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const form = byId<HTMLFormElement>("follow");
const session = byId<HTMLInputElement>("session");
const credential = byId<HTMLInputElement>("credential");
const stopButton = byId<HTMLButtonElement>("stop");
const list = byId("events");
const cursorKey = () => `twotop.demo.cursor.${session.value.trim()}`;

let poller: Poller | null = null;
let cursor = 0;
let epoch: string | null = null;

function say(state: string, words: string): void {
  byId("status").dataset["state"] = state;
  byId("status").textContent = words;
}

function moveTo(next: number): void {
  cursor = next;
  byId("cursor").textContent = String(next);
  sessionStorage.setItem(cursorKey(), JSON.stringify({ cursor: next, epoch }));
}

function show(event: LogEvent): void {
  const item = document.createElement("li");
  item.dataset["seq"] = String(event.seq);
  item.dataset["type"] = event.type;
  const seq = document.createElement("b");
  seq.textContent = String(event.seq);
  const type = document.createElement("span");
  type.textContent = event.type;
  const detail = document.createElement("small");
  detail.textContent = `${event.at}  ${JSON.stringify(event.data)}`;
  item.append(seq, type, detail);
  list.prepend(item);
}

async function takeSnapshot(of: string | null): Promise<void> {
  const snapshot = await getSnapshot(session.value.trim(), credential.value.trim());
  epoch = of;
  byId("snapshot").textContent = JSON.stringify(snapshot, null, 2);
  moveTo(snapshot.last_seq);
}

async function onPage(page: EventPage): Promise<void> {
  if (epoch !== null && page.epoch !== epoch) {
    // The server's history is another one (a restored database): the numbers of the old one mean nothing here, so nothing
    // is asked from them any more. Without the snapshot this phone still is in the old history, and comes here again.
    say("resync", "Another history: taking the snapshot again.");
    await takeSnapshot(page.epoch);
  } else {
    epoch = page.epoch;
    for (const event of page.events) show(event);
    moveTo(page.next_cursor);
  }
  say("following", "Following.");
}

/** The last cursor of this session, when this tab followed it before. */
function remembered(): { cursor: number; epoch: string | null } | null {
  try {
    return JSON.parse(sessionStorage.getItem(cursorKey()) ?? "null");
  } catch {
    return null;
  }
}

async function follow(): Promise<void> {
  stop();
  say("connecting", "Taking the snapshot…");
  try {
    const last = remembered();
    if (last === null) await takeSnapshot(null);
    else {
      epoch = last.epoch;
      moveTo(last.cursor);
    }
  } catch (error) {
    say("failed", `Refused: ${asProblem(error).code}`);
    return;
  }
  poller = new Poller({
    cursor: () => cursor,
    fetch: (from, waitS, signal) =>
      getEvents(session.value.trim(), credential.value.trim(), from, waitS, { signal, retries: 0 }),
    onPage,
    onTrouble: (problem) => say("reconnecting", `${problem.code}: trying again from ${cursor}.`),
    onFinal: (problem) => {
      stop();
      say("failed", `Refused: ${problem.code}`);
    },
  });
  poller.start();
  stopButton.disabled = false;
}

function stop(): void {
  poller?.stop();
  poller = null;
  stopButton.disabled = true;
}

function takeOwn(): void {
  const name = Object.keys(sessionStorage).find((key) => key.startsWith("twotop.session."));
  const saved = name === undefined ? null : JSON.parse(sessionStorage.getItem(name) ?? "null");
  if (saved === null) {
    say("idle", "This tab holds no session.");
    return;
  }
  session.value = saved.session_id;
  credential.value = saved.credential;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void follow();
});
stopButton.addEventListener("click", () => {
  stop();
  say("paused", `Paused at ${cursor}.`);
});
byId("mine").addEventListener("click", takeOwn);
addEventListener("online", () => poller?.wake());
