import { afterEach, beforeEach, expect, test } from "vitest";
import { en } from "../src/i18n/en";
import { find, maybe, press, show } from "./page";
import { closeTable, open, openTable, passes } from "./session";
import { absentPartner, GONE, happens, NOT_READY, PHONE_A, PHONE_B, picture, wish } from "./table";

beforeEach(openTable);
afterEach(closeTable);

test("one phone alone is not told of two when the round is ended", async () => {
  await open({
    picture: picture({ finished: true, question: null }, { mode: "single", members: picture().members.slice(0, 1) }),
  });
  await press("end-session");
  expect(find("confirm").textContent).toContain(en.session.endTitleOnePhone);
  expect(find("confirm").textContent).not.toContain(en.session.endBody);
});

test.each([
  [PHONE_A, en.ready.absentBody],
  [PHONE_B, en.ready.absentBodyNoInvite],
])("only who can invite is told to: $role", async (me, words) => {
  await open({ me, presence: GONE, picture: picture(NOT_READY) });
  expect(find("partner-gone").textContent).toContain(words);
  await happens({ picture: picture({ ...NOT_READY, ready: [me.participant_id] }) });
  expect(find("partner-gone").textContent).toContain(en.game.waitingGone);
  await passes(2_000);
  expect(find("partner-gone").textContent).toContain(en.ready.waitingForPartner);
  expect(find("partner-gone").textContent).not.toContain(en.game.waitingGone);
});

test("what was to happen in a moment and does not is waited for: a phone that is gone may be polling", async () => {
  await open({ presence: GONE, picture: picture({ wishes: [wish("a", "next")] }) });
  await passes(600);
  expect(find("wish-mine").textContent).toContain(en.game.waitingGone);
  await passes(2_000);
  expect(find("wish-mine").textContent).toContain(`${en.game.mine.next} ${en.game.waiting}`);
  await happens({ picture: picture({ wishes: [wish("a", "skip")] }) });
  expect(find("wish-mine").textContent).toContain(en.game.waitingGone);
});

test.each(["live", "polling"] as const)(
  "%s, who hears nothing of a partner for a while is offered to go on",
  async (c) => {
    await open({ connection: c, presence: {} });
    await press("menu");
    for (const id of ["invite-again", "go-alone"]) expect(maybe(id)).toBeUndefined();
    await happens({ unheard: true });
    for (const id of ["invite-again", "go-alone"]) expect(maybe(id)).toBeDefined();
    await press("menu-sheet-close");
    await happens({ picture: picture(NOT_READY) });
    for (const id of ["invite-again", "go-alone"]) expect(maybe(id)).toBeDefined();
    for (const id of ["partner-gone", "partner-left"]) expect(maybe(id)).toBeUndefined();
    expect(find("ready-lead").textContent).toBe(en.ready.body);
    await happens({ connection: "live", presence: { b: "online" } });
    for (const id of ["invite-again", "go-alone"]) expect(maybe(id)).toBeUndefined();
  },
);

test("before the first card too, A alone may go on without a partner who has left", async () => {
  const left = picture(NOT_READY, { members: absentPartner() });
  await open({ picture: left });
  expect(find("partner-left").contains(find("go-alone"))).toBe(true);
  await show(null);
  await open({ me: PHONE_B, presence: GONE, picture: picture(NOT_READY) });
  expect(maybe("go-alone")).toBeUndefined();
});

test("an agreed start with nobody at the other phone is not called one with both", async () => {
  await open({ picture: picture({ question: null, ready: ["a"] }, { members: absentPartner() }) });
  expect(find("screen-both").textContent).toBe(en.ready.leftTitle);
  await happens({ picture: picture({ question: null, ready: ["a"] }), presence: GONE });
  expect(find("both-here").textContent).toContain(en.game.goneBody);
});

test.each(["polling", "reconnecting"] as const)("%s, a phone claims nothing of its partner", async (connection) => {
  await open({ connection });
  expect(find("partner").textContent).toBe(en.ready.partner);
  await happens({ connection: "live" });
  expect(find("partner").textContent).toBe(`${en.ready.partner}: ${en.ready.isHere}`);
  await happens({ connection, picture: picture(NOT_READY) });
  expect(find("seat-partner").textContent).toBe(en.ready.partner);
  await happens({ picture: picture({ ...NOT_READY, ready: ["b"] }) });
  expect(find("seat-partner").textContent).toBe(en.ready.partner + en.ready.isReady);
});
