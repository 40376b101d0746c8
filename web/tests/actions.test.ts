import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as actions from "../src/actions";
import { Problem } from "../src/api/problems";
import type { GameCommand, PairingOffer, SessionState } from "../src/api/types";
import * as playing from "../src/playing";
import type { FollowHooks } from "../src/realtime/follow";
import { loadOffer, type SavedSession, saveOffer } from "../src/session/credentials";
import { NEW_PLAY } from "../src/session/play";
import { fromSnapshot } from "../src/session/state";
import { current, update } from "../src/store";

/** What reached the server, which refuses everything that it has no answer for. */
const asked: string[] = [];
let answers: unknown[];
let hooks: FollowHooks;

vi.mock("../src/load-live", () => ({
  loadLive: async () => ({
    SessionFollower: class {
      constructor(_: SavedSession, given: FollowHooks) {
        hooks = given;
      }
      start(): void {}
      stop(): void {}
      async submit(command: GameCommand): Promise<void> {
        asked.push(JSON.stringify(command));
        throw new Problem("unexpected", 500);
      }
    },
  }),
}));

async function answer(path: string, { method, body }: RequestInit): Promise<Response> {
  asked.push([method, path, body].join(" "));
  const given = await answers.shift();
  return given === undefined ? new Response("{}", { status: 500 }) : new Response(JSON.stringify(given));
}

const SAVED: SavedSession = {
  table_token: "tok",
  session_id: "s1",
  participant_id: "a",
  role: "A",
  credential: "secret",
  expires_at: "2030-01-01T00:00:00Z",
};
const minutes = (count: number) => new Date(Date.parse("2026-01-01T20:00:00Z") + count * 60_000).toISOString();
const offer = (minute: number): PairingOffer => ({
  code: `KRT-MX${minute}`,
  expires_at: minutes(minute),
  join_url: "",
});

class FakeStorage extends Map<string, string> {
  getItem(name: string): string | null {
    return this.get(name) ?? null;
  }
  setItem(name: string, value: string): void {
    this.set(name, value);
  }
  removeItem(name: string): void {
    this.delete(name);
  }
}

beforeEach(async () => {
  vi.useFakeTimers({ now: Date.parse(minutes(0)), toFake: ["Date"] });
  vi.stubGlobal("sessionStorage", new FakeStorage());
  vi.stubGlobal("localStorage", new FakeStorage());
  vi.stubGlobal("history", { state: null, pushState: () => undefined });
  vi.stubGlobal("fetch", answer);
  asked.length = 0;
  answers = [];
  saveOffer("s1", offer(10));
  update({ tableToken: "tok", problem: null, retry: null });
  actions.resume(SAVED);
  await Promise.resolve();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const idle = () => vi.waitUntil(() => current().busy === null);

test.each<[string, () => Promise<unknown>]>([
  ["start", () => actions.start("dual", "exploring")],
  ["joinByCode", () => actions.joinByCode("KRTMXQ")],
  ["followLink", () => actions.followLink({ sessionId: "s2", secret: "hush" })],
  ["setReady", () => playing.setReady(true)],
  ["chooseContext", () => playing.chooseContext("mature")],
  ["optInMature", () => playing.optInMature()],
  ["newCode", () => playing.newCode()],
  ["goOnAlone", () => playing.goOnAlone()],
  ["endSession", () => playing.endSession()],
  ["leave", () => playing.leave()],
])("trying %s again after a refusal asks for the same", async (_, act) => {
  await act();
  expect(current().problem?.code).toBe("unexpected");
  expect(asked).toHaveLength(1);
  current().retry?.();
  await idle();
  expect(asked).toEqual([asked[0], asked[0]]);
});

test("trying again after a refused no to the mature question does not opt in", async () => {
  await playing.optInMature();
  await playing.leave();
  asked.length = 0;
  current().retry?.();
  await idle();
  expect(asked).toEqual(["DELETE /api/v1/sessions/s1/members/a "]);
});

test("what is refused after its screen was left is not tried again", async () => {
  actions.go({ name: "context", mode: "dual" });
  const started = actions.start("dual", "mature");
  actions.goBack();
  await started;
  expect(current()).toMatchObject({ route: { name: "decide" }, problem: { code: "unexpected" }, retry: null });
});

function logSays(state: Partial<SessionState>): void {
  const picture = fromSnapshot({
    session_id: "s1",
    table_number: "7",
    mode: "dual",
    state: "browsing",
    dual_status: "waiting",
    context: "exploring",
    members: [],
    play: NEW_PLAY,
    pairing: { generation: 1, expires_at: minutes(10) },
    end_reason: null,
    ...state,
  });
  hooks.onLog({ picture, lastSeq: 1, early: new Map() });
}

test("a code goes from the screen and from this tab when another tab has made a newer one", () => {
  logSays({});
  expect(current().offer).toEqual(offer(10));
  logSays({ pairing: { generation: 2, expires_at: minutes(12) } });
  expect(current().offer).toBeNull();
  expect(loadOffer("s1", Date.now())).toBeNull();
});

test("a code that was replaced while this tab was away goes with the first look at the log", () => {
  logSays({ pairing: { generation: 2, expires_at: minutes(12) } });
  expect(current().offer).toBeNull();
});

test("a new code stays while the log still tells of the ones before it", async () => {
  logSays({});
  answers = [offer(13)];
  await playing.newCode();
  logSays({ dual_status: "expired" });
  logSays({ pairing: { generation: 2, expires_at: minutes(12) } });
  logSays({ pairing: { generation: 3, expires_at: minutes(13) } });
  expect(current().offer).toEqual(offer(13));
});

test("a code goes when the partner has come", () => {
  logSays({});
  logSays({ dual_status: "paired" });
  expect(current().offer).toBeNull();
});
