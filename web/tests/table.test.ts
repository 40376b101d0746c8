import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { loadTable, open } from "../src/actions";
import type { TableView } from "../src/api/types";
import { type SavedSession, saveSession } from "../src/session/credentials";
import { NEW_PLAY } from "../src/session/play";
import { current, update } from "../src/store";
import { FakeStorage } from "./storage";

vi.mock("../src/load-live", () => ({ loadLive: () => new Promise(() => undefined), live: () => null }));

const TABLE = {
  location: { id: "l", name: "Trattoria", language: "en", currency: "EUR" },
  table: { id: "t", number: "7", zone: null, seats: 2 },
  status: "open",
  offers: { play: true, order: false, dual: true },
} as unknown as TableView;
const SAVED: SavedSession = {
  table_token: "tok",
  session_id: "s1",
  participant_id: "a",
  role: "A",
  credential: "secret",
  expires_at: "2030-01-01T00:00:00Z",
};

type Network = "works" | "fails" | "hangs";
let network: Network;
let page: EventTarget;
let asked: string[];

async function answer(path: string, init: RequestInit): Promise<Response> {
  asked.push(path);
  if (network === "fails") throw new TypeError("network");
  if (network === "hangs")
    return new Promise((_, reject) => init.signal?.addEventListener("abort", () => reject(new TypeError("aborted"))));
  if (path.includes("/tables/")) return new Response(JSON.stringify(TABLE));
  if (path.endsWith("/snapshot")) {
    const state = { session_id: "s1", state: "browsing", members: [], play: NEW_PLAY };
    return new Response(JSON.stringify({ session_id: "s1", last_seq: 1, state }));
  }
  return new Response(JSON.stringify({ code: "code_expired" }), { status: 410 });
}

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse("2026-01-01T20:00:00Z") });
  page = new EventTarget();
  asked = [];
  network = "works";
  const root = { documentElement: { lang: "en" }, visibilityState: "visible" };
  vi.stubGlobal("document", Object.assign(new EventTarget(), root));
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("navigator", { onLine: true, languages: ["en"] });
  vi.stubGlobal("location", { pathname: "/t/tok", hash: "", search: "" });
  vi.stubGlobal("history", { state: null, pushState: () => undefined, replaceState: () => undefined });
  vi.stubGlobal("sessionStorage", new FakeStorage());
  vi.stubGlobal("localStorage", new FakeStorage());
  vi.stubGlobal("fetch", answer);
  update({ table: null, saved: null, me: null, problem: null, route: { name: "loading" } });
});
afterEach(async () => {
  network = "works";
  await vi.advanceTimersByTimeAsync(60_000);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const shown = () => current().route.name;
/** Only this tab forgets: as a second scan does. */
const another = () => {
  saveSession(SAVED);
  sessionStorage.removeItem("twotop.session.tok");
};

test("opened without a network the app says so, and shows the table without a tap when there is one", async () => {
  network = "fails";
  void open();
  await pass(5_000);
  expect(shown()).toBe("table_problem");
  expect(current().problem?.code).toBe("offline");
  network = "works";
  page.dispatchEvent(new Event("online"));
  await pass(10);
  expect(shown()).toBe("decide");
  expect(current()).toMatchObject({ problem: null, table: { status: "open" } });
});

test("a network that comes back without a word is found", async () => {
  network = "fails";
  void open();
  await pass(60_000);
  network = "works";
  await pass(5_000);
  expect(shown()).toBe("decide");
});

test("a question that hangs is asked again when the page is looked at", async () => {
  network = "hangs";
  void open();
  await pass(3_000);
  network = "works";
  document.dispatchEvent(new Event("visibilitychange"));
  await pass(1_000);
  expect(shown()).toBe("decide");
});

test("a session that this phone holds is offered without waiting for the table", async () => {
  another();
  network = "hangs";
  void open();
  await pass(1_500);
  expect(shown()).toBe("decide");
  expect(current()).toMatchObject({ saved: { session_id: "s1" }, table: null, problem: null });
});

test("a session is offered when the table cannot be asked, and the table is learned meanwhile", async () => {
  another();
  network = "fails";
  void open();
  await pass(5_000);
  expect(current()).toMatchObject({ route: { name: "decide" }, saved: { session_id: "s1" }, problem: null });
  network = "works";
  await pass(10_000);
  expect(current()).toMatchObject({ route: { name: "decide" }, table: { status: "open" } });
});

test("a link that was opened without a network is followed when there is one", async () => {
  vi.stubGlobal("location", {
    pathname: "/t/tok",
    hash: "#join=00000000-0000-4000-8000-000000000001.hush-hush-hush",
    search: "",
  });
  network = "fails";
  void open();
  await pass(3_000);
  network = "works";
  page.dispatchEvent(new Event("online"));
  await pass(100);
  expect(asked.at(-1)).toContain("join-dual");
  expect(current().problem?.code).toBe("code_expired");
});

test("asking once more asks now, and does not ask twice", async () => {
  update({ tableToken: "tok" });
  network = "hangs";
  void loadTable();
  await pass(3_000);
  network = "works";
  void loadTable();
  await pass(1_000);
  expect(shown()).toBe("decide");
  expect(asked).toHaveLength(2);
});
