import { h } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Problem } from "../src/api/problems";
import { en } from "../src/i18n/en";
import { Join, Joining } from "../src/screens/Join";
import { Waiting } from "../src/screens/Waiting";
import { current } from "../src/store";
import { closePage, find, maybe, openPage, page, press, show, write } from "./page";
import { FakeStorage } from "./storage";
import { happens, PHONE_A, picture, sitDown } from "./table";

const following = vi.hoisted(() => ({ follow: vi.fn(async () => undefined), on: true }));
vi.mock("../src/following", () => ({
  follow: following.follow,
  isFollowing: () => following.on,
  stopFollowing: () => undefined,
}));

const OFFER = { code: "KRT-MXQ", expires_at: "2030-01-01T00:00:00Z", join_url: "https://away/t/t#join=s.hush" };
const WAITING = picture({ both_ready: false, question: null }, { dual_status: "waiting", members: [] });

beforeEach(() => {
  openPage();
  vi.stubGlobal("history", { state: null, pushState: () => undefined });
  vi.stubGlobal("location", { origin: "https://here" });
  vi.stubGlobal("sessionStorage", new FakeStorage());
  vi.stubGlobal("localStorage", new FakeStorage());
  following.on = true;
  following.follow.mockClear();
});
afterEach(closePage);

/** On the way from the own code to the partner's, or from the table's first screen. */
async function join(own: boolean): Promise<void> {
  sitDown({
    route: { name: "join" },
    picture: own ? WAITING : null,
    me: own ? PHONE_A : null,
    offer: own ? OFFER : null,
  });
  await show(h(Join, null));
}

test("the field has the focus at once", async () => {
  await join(false);
  expect(page.activeElement).toBe(find("code-input"));
});

test("one wrong letter costs that letter: the others stay, ready to be corrected", async () => {
  await join(false);
  await write("code-input", "bcdfgh");
  await happens({ problem: new Problem("code_invalid", 404) });
  expect(find("problem-other-code").textContent).toBe(en.actions.correctCode);
  expect(find("code-input").getAttribute("aria-describedby")).toContain("code-problem");
  await press("problem-other-code");
  expect(find("code-input").value).toBe("BCD-FGH");
  expect(page.selected).toBe(find("code-input"));
  expect(find("join-submit").disabled).toBe(false);
});

test("a code that has run out makes room for the next one", async () => {
  await join(false);
  await write("code-input", "bcdfgh");
  await happens({ problem: new Problem("code_expired", 410) });
  expect(find("problem-other-code").textContent).toBe(en.actions.otherCode);
  await press("problem-other-code");
  expect(find("join-submit").disabled).toBe(true);
});

test("of two phones that both show a code, either can type the other's and turn back to its own", async () => {
  sitDown({ picture: WAITING, offer: OFFER });
  await show(h(Waiting, null));
  await press("join-with-code");
  expect(current().route).toEqual({ name: "join" });
  await show(h(Join, null));
  await press("back");
  expect(current()).toMatchObject({ route: { name: "session" }, me: PHONE_A, offer: OFFER, picture: WAITING });
  expect(following.follow).not.toHaveBeenCalled();
});

test("a code that could not be joined leads back to one's own, and never to a second round", async () => {
  await join(true);
  await happens({ problem: new Problem("too_many_attempts", 429) });
  expect(maybe("problem-one-phone")).toBeUndefined();
  await press("problem-start-over");
  expect(current()).toMatchObject({ route: { name: "session" }, me: PHONE_A, offer: OFFER, problem: null });
});

test("a round that this phone stopped following, for a link that led nowhere, is followed anew on the way back", async () => {
  following.on = false;
  await join(true);
  await press("back");
  expect(current()).toMatchObject({ route: { name: "session" }, me: PHONE_A });
  expect(following.follow).toHaveBeenCalledTimes(1);
});

test("without a round of one's own the way back is the table's first screen", async () => {
  await join(false);
  await press("back");
  expect(current().route).toEqual({ name: "decide" });
});

test("a partner who was quicker to type the other's code ends the typing", async () => {
  await join(true);
  await happens({ busy: "join", picture: picture({ both_ready: false, question: null }) });
  expect(current().route).toEqual({ name: "join" });
  await happens({ busy: null, problem: new Problem("code_expired", 410) });
  expect(current()).toMatchObject({ route: { name: "session" }, problem: null });
});

test("one's own code is not sent", async () => {
  await join(true);
  await write("code-input", "krtmxq");
  expect(find("code-hint").textContent).toBe(en.join.own);
  expect(find("join-submit").disabled).toBe(true);
});

test("a phone that can send a link offers it, on the origin that it reached itself", async () => {
  const share = vi.fn(async () => Promise.reject(new Error("thought better of it")));
  sitDown({ picture: WAITING, offer: OFFER });
  await show(h(Waiting, null));
  expect(maybe("share-link")).toBeUndefined();
  await show(null);
  vi.stubGlobal("navigator", { share });
  await show(h(Waiting, null));
  await press("share-link");
  expect(share).toHaveBeenCalledWith({ url: "https://here/t/t#join=s.hush" });
});

test("a scanned link that is refused is not said to be typed, nor a seat to be on its way", async () => {
  sitDown({ route: { name: "joining" }, problem: null });
  await show(h(Joining, null));
  expect(page.title).toContain(en.join.joining);
  await happens({ problem: new Problem("code_invalid", 404) });
  expect(page.title).toContain(en.join.notJoined);
  expect(page.body.textContent).not.toContain(en.join.joining);
  expect(find("problem").textContent).toContain(en.join.linkInvalid.title);
  await happens({ problem: new Problem("code_expired", 410) });
  expect(find("problem").textContent).toContain(en.problems.code_expired.title);
});
