import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { en } from "../src/i18n/en";
import type { SessionPicture } from "../src/session/state";
import type { AppState } from "../src/store";
import { find, maybe, press, show } from "./page";
import { closeTable, open, openTable, passes } from "./session";
import { ALONE, absentPartner, GONE, happens, NOT_READY, picture } from "./table";

const submit = vi.hoisted(() => vi.fn(async () => undefined));
vi.mock("../src/following", () => ({ submit }));

beforeEach(openTable);
afterEach(closeTable);

test("the next invitation does not open the sheet by itself", async () => {
  const inviting = picture({}, { dual_status: "waiting" });
  await open({ picture: inviting, presence: { b: "gone" } });
  await press("inviting");
  expect(maybe("invite-sheet")).toBeDefined();
  await happens({ picture: picture(), presence: { b: "online" } });
  expect(maybe("invite-sheet")).toBeUndefined();
  await happens({ picture: inviting, presence: { b: "gone" } });
  expect(maybe("inviting")).toBeDefined();
  expect(maybe("invite-sheet")).toBeUndefined();
});

const INVITING = { dual_status: "waiting", pairing: null } as const;

test.each<[string, SessionPicture, string[]]>([
  ["while it waits", picture(NOT_READY, INVITING), ["go-alone"]],
  ["from the invitation", picture({}, INVITING), ["inviting", "stop-inviting"]],
  ["from the menu", picture(), ["menu", "go-alone"]],
  ["before the first card", picture(NOT_READY), ["go-alone"]],
])("%s, nobody's seat is given up without a question", async (_, seen, presses) => {
  const fetch = vi.fn(async () => new Response("{}"));
  vi.stubGlobal("fetch", fetch);
  await open({ picture: seen, presence: GONE });
  for (const id of presses) await press(id);
  expect(find("confirm").textContent).toContain(en.game.aloneTitle);
  expect(fetch).not.toHaveBeenCalled();
  await press("confirm-yes");
  await passes(0);
  expect(fetch).toHaveBeenCalledTimes(1);
});

test("a seat that nobody has is given up at once", async () => {
  const fetch = vi.fn(async () => new Response("{}"));
  vi.stubGlobal("fetch", fetch);
  await open({ picture: picture(NOT_READY, { ...INVITING, members: absentPartner() }) });
  await press("go-alone");
  await passes(0);
  expect(maybe("confirm")).toBeUndefined();
  expect(fetch).toHaveBeenCalledTimes(1);
});

test.each<[string, SessionPicture, string[], string]>([
  ["a table for one", picture(NOT_READY, ALONE), [], "invite-second"],
  ["the menu", picture({}, ALONE), ["menu"], "invite-second"],
  ["two who are not ready", picture(NOT_READY), [], "invite-again"],
  ["two at their first card", picture({ question: null }), [], "invite-again"],
  ["a card whose other guest has left", picture({}, { members: absentPartner() }), [], "invite-another"],
])("%s offers an invitation only where pairing is on", async (_, seen, presses, invitation) => {
  for (const dual of [true, false]) {
    await show(null);
    const table = { location: { name: "Trattoria" }, table: { number: "7" }, offers: { dual } } as AppState["table"];
    await open({ picture: seen, presence: GONE, table });
    for (const id of presses) await press(id);
    expect(maybe(invitation) !== undefined).toBe(dual);
  }
});

test("where nobody says where the partner is, an invitation does not keep two from getting ready", async () => {
  const inviting = (ready: string[]) => picture({ ...NOT_READY, ready }, { dual_status: "waiting" });
  await open({ picture: inviting([]), connection: "polling" });
  expect(maybe("perhaps-back")).toBeUndefined();
  await happens({ unheard: true });
  expect(find("perhaps-back").textContent).toContain(en.waiting.perhapsBack);
  await happens({ picture: inviting(["b"]) });
  expect(find("perhaps-back").textContent).toContain(en.ready.partnerWaits);
  await press("ready-button");
  expect(submit.mock.calls).toEqual([[{ type: "set_ready", data: { ready: true } }]]);
  await happens({ picture: inviting([]), connection: "live", presence: GONE });
  expect(maybe("perhaps-back")).toBeUndefined();
});
