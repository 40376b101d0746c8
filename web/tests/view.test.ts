import { expect, test } from "vitest";
import type { Context, DualStatus, Mode, Role } from "../src/api/types";
import { company } from "../src/screens/Ready";
import { viewOf } from "../src/screens/Session";
import type { SavedSession } from "../src/session/credentials";
import type { SessionPicture } from "../src/session/state";
import type { AppState } from "../src/store";

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
  online?: boolean;
}

function view({
  role = "A",
  mode = "dual",
  status = "paired",
  context = "exploring",
  optedIn = [],
  state,
  online,
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
      { participant_id: "b", role: "B", nickname: null, present: true },
    ],
    play: { ready: [], both_ready: false, mature_opt_in: optedIn },
    pairing: null,
    end_reason: null,
    pairing_ended: null,
  };
  return viewOf({ picture, me: me(role), presence: { b: online ? "online" : "gone" } });
}

test.each<[string, Given]>([
  ["ready", {}],
  ["waiting", { status: "waiting" }],
  ["waiting", { status: "expired" }],
  ["ready", { status: "waiting", role: "B" }],
  ["ready", { status: "waiting", online: true }],
  ["single", { mode: "single", status: "none" }],
  ["context", { context: null }],
  ["mature", { context: "mature", optedIn: ["a"], role: "B" }],
  ["ready", { context: "mature", optedIn: ["a", "b"], role: "B" }],
  ["mature", { mode: "single", status: "none", context: "mature" }],
  ["ended", { state: "closed", status: "waiting" }],
  ["ended", { state: "expired", context: null }],
])("shows %s for %o", (expected, given) => {
  expect(view(given)).toBe(expected);
});

test("before the first snapshot it is loading", () => {
  expect(viewOf({ picture: null, me: me("A"), presence: {} })).toBe("loading");
});

test("the partner is whoever else is present, and unknown presence is not absence", () => {
  const member = (id: string, role: Role, present: boolean) => ({ participant_id: id, role, nickname: null, present });
  const app = {
    me: me("A"),
    presence: { c: "away" },
    picture: {
      members: [member("a", "A", true), member("b", "B", false), member("c", "B", true)],
      play: { ready: ["c"], both_ready: false, mature_opt_in: [] },
    },
  } as unknown as AppState;
  expect(company(app)).toMatchObject({ iAmReady: false, partnerReady: true, status: "away" });
  expect(company({ ...app, presence: {} }).status).toBeUndefined();
});
