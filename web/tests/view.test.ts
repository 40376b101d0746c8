import { expect, test } from "vitest";
import type { Card, Context, DualStatus, Mode, Play, PresenceStatus, Role } from "../src/api/types";
import type { Connection } from "../src/realtime/follow";
import { company } from "../src/screens/company";
import { viewOf } from "../src/screens/Session";
import type { SavedSession } from "../src/session/credentials";
import { awaitsCard, NEW_PLAY } from "../src/session/play";
import type { SessionPicture } from "../src/session/state";
import type { AppState } from "../src/store";
import { CARD } from "./table";

const me = (role: Role): SavedSession => ({
  table_token: "t",
  session_id: "s",
  participant_id: role.toLowerCase(),
  role,
  credential: "secret",
  expires_at: "",
});

interface Given {
  role?: Role;
  mode?: Mode;
  status?: DualStatus;
  context?: Context | null;
  optedIn?: string[];
  state?: SessionPicture["state"];
  partner?: PresenceStatus;
  connection?: Connection;
  card?: boolean;
  finished?: boolean;
  bothReady?: boolean;
  alone?: boolean;
}

function view({
  role = "A",
  mode = "dual",
  status = "paired",
  context = "exploring",
  optedIn = [],
  state,
  partner = "gone",
  connection = "live",
  card = false,
  finished = false,
  bothReady = false,
  alone = false,
}: Given) {
  const picture: SessionPicture = {
    session_id: "s",
    table_number: "7",
    mode,
    state: state ?? "browsing",
    dual_status: status,
    context,
    members: [
      { participant_id: "a", role: "A", nickname: null, present: true },
      { participant_id: "b", role: "B", nickname: null, present: !alone },
    ],
    play: { ...NEW_PLAY, mature_opt_in: optedIn, both_ready: bothReady, question: card ? CARD : null, finished },
    decks: {},
    pairing: null,
    end_reason: null,
    pairing_ended: null,
  };
  return viewOf({ ...NOBODY, connection, picture, me: me(role), presence: { b: partner } });
}

const NOBODY = { presence: {}, sent: null, connection: "live", table: null, unheard: false, dealt: [] } as const;

test.each<[string, Given]>([
  ["ready", {}],
  ["waiting", { status: "waiting" }],
  ["waiting", { status: "expired" }],
  ["ready", { status: "waiting", role: "B" }],
  ["ready", { status: "waiting", partner: "online" }],
  // Neither the partner's phone that is locked for a moment, nor a blink of this one's connection.
  ["ready", { status: "waiting", partner: "away" }],
  ["ready", { status: "waiting", partner: "online", connection: "reconnecting" }],
  // What a socket said before it was lost is no word of the partner's return.
  ["waiting", { status: "waiting", partner: "online", connection: "polling" }],
  ["single", { mode: "single", status: "none" }],
  ["context", { context: null }],
  ["mature", { context: "mature", optedIn: ["a"], role: "B" }],
  ["ready", { context: "mature", optedIn: ["a", "b"], role: "B" }],
  ["mature", { mode: "single", status: "none", context: "mature" }],
  ["game", { mode: "single", status: "none", card: true, alone: true }],
  ["game", { mode: "single", status: "none", finished: true, alone: true }],
  ["mature", { mode: "single", status: "none", context: "mature", card: true, alone: true }],
  ["game", { bothReady: true, card: true }],
  ["ready", { bothReady: true }],
  // A newcomer starts the ritual over, an invitation or somebody's leaving does not.
  ["ready", { card: true }],
  ["game", { status: "waiting", card: true, alone: true }],
  ["game", { status: "expired", card: true, alone: true }],
  ["game", { status: "waiting", bothReady: true, card: true }],
  ["game", { bothReady: true, card: true, alone: true }],
  ["waiting", { status: "waiting", card: true }],
  ["ended", { state: "closed", status: "waiting" }],
  ["ended", { state: "expired", context: null }],
])("shows %s for %o", (expected, given) => {
  expect(view(given)).toBe(expected);
});

test("before the first snapshot it is loading, or shows the kept card", () => {
  expect(viewOf({ ...NOBODY, picture: null, me: me("A") })).toBe("loading");
  expect(viewOf({ ...NOBODY, picture: null, me: me("A"), dealt: [CARD] })).toBe("dealt");
});

test("the partner is whoever else is present, and unknown presence is not absence", () => {
  const member = (id: string, role: Role, present: boolean) => ({ participant_id: id, role, nickname: null, present });
  const app = {
    me: me("A"),
    connection: "live",
    presence: { c: "away" },
    picture: {
      members: [member("a", "A", true), member("b", "B", false), member("c", "B", true)],
      play: { ...NEW_PLAY, ready: ["c"] },
    },
  } as unknown as AppState;
  expect(company(app)).toMatchObject({ iAmReady: false, partnerReady: true, status: "away" });
  expect(company({ ...app, presence: {} }).status).toBeUndefined();
});

test.each(["connecting", "polling", "reconnecting", "offline", "replaced"] as const)(
  "what the socket said of the partner is of no worth while this phone is %s",
  (connection) => {
    const picture = { members: [{ participant_id: "b", role: "B", nickname: null, present: true }], play: NEW_PLAY };
    const app = { me: me("A"), presence: { b: "gone" }, picture } as unknown as AppState;
    expect(company({ ...app, connection: "live" }).status).toBe("gone");
    expect(company({ ...app, connection }).status).toBeUndefined();
  },
);

test("a game does not leave the screen between the choice of a context and its first card", () => {
  const play = (question: Card | null) => ({ ...NEW_PLAY, both_ready: true, question });
  const running = { context: "exploring" as Context, play: play(CARD) };
  const chosen = { context: "established" as Context, play: play(null) };
  expect(awaitsCard(running, chosen)).toBe(true);
  expect(awaitsCard(running, { ...chosen, play: play(CARD) })).toBe(false);
  expect(awaitsCard(running, { ...running, play: play(null) })).toBe(false);
  expect(awaitsCard(chosen, { ...running, play: play(null) })).toBe(false);
});

test("from both being ready the first card comes at once, without a screen between", () => {
  const table = (change: Partial<Play>) => ({ context: "exploring" as Context, play: { ...NEW_PLAY, ...change } });
  expect(awaitsCard(table({ ready: ["a"] }), table({ both_ready: true }))).toBe(true);
  expect(awaitsCard(table({ ready: ["a"] }), table({ both_ready: true, question: CARD }))).toBe(false);
  expect(awaitsCard(table({ both_ready: true }), table({ both_ready: true }))).toBe(false);
  expect(awaitsCard(table({}), table({ ready: ["a"] }))).toBe(false);
});
