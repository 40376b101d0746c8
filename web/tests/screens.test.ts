import { Fragment, h } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PROBLEM_CODES, Problem } from "../src/api/problems";
import { en } from "../src/i18n/en";
import { Joining } from "../src/screens/Join";
import { Session } from "../src/screens/Session";
import type { SessionPicture } from "../src/session/state";
import { type AppState, current, say, update } from "../src/store";
import { ProblemNote } from "../src/ui/ProblemNote";
import { REST_MS } from "../src/ui/rest";
import { Voice } from "../src/ui/voice";
import { act, closePage, find, maybe, openPage, page, press, show, write } from "./page";
import { FakeStorage } from "./storage";
import { CARD, EARLIER, PHONE_A, PHONE_B, picture, sitDown, wish } from "./table";

const submit = vi.hoisted(() => vi.fn(async () => undefined));
vi.mock("../src/following", () => ({ submit, stopFollowing: () => undefined, wakeUp: () => undefined }));

beforeEach(() => {
  vi.useFakeTimers();
  openPage();
  vi.stubGlobal("sessionStorage", new FakeStorage());
  submit.mockClear();
});
afterEach(async () => {
  await closePage();
  vi.useRealTimers();
});

const passes = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms).then(() => undefined));
const happens = (change: Parameters<typeof update>[0]) => act(() => update(change));

const NOT_READY = { both_ready: false, question: null };
const GONE = { a: "gone", b: "gone" } as const;
const ALONE = { mode: "single", dual_status: "none", members: picture().members.slice(0, 1) } as const;
const absentPartner = () => picture().members.map((one) => ({ ...one, present: one.role === "A" }));

async function open(change: Parameters<typeof sitDown>[0] = {}): Promise<void> {
  sitDown(change);
  await show(h(Fragment, null, h(Session, null), h(Voice, null)));
  await passes(REST_MS + 50);
}

// --- what is heard ----------------------------------------------------------------------------------------------------

test("the same words said twice change the voice twice", async () => {
  await open();
  const voice = find("announcement");
  const changes = page.watch(voice);
  await act(() => say("Your partner would like the next card."));
  const once = changes();
  expect(once).toBeGreaterThan(0);
  await act(() => say("Your partner would like the next card."));
  expect(changes()).toBeGreaterThan(once);
  expect(find("announcement")).toBe(voice);
  expect(voice.textContent).toBe("Your partner would like the next card.");
});

test("with the menu open, what happens is said there", async () => {
  await open();
  await act(() => say("Your partner has answered."));
  await press("menu");
  expect(find("dialog-announcement").textContent).toBe("");
  await act(() => say("Your partner would like the next card."));
  expect(find("dialog-announcement").textContent).toBe("Your partner would like the next card.");
});

test("a lost network and its return are said once each, and not at all for a blink", async () => {
  await open();
  await happens({ connection: "reconnecting" });
  await happens({ connection: "live" });
  expect(find("announcement").textContent).toBe("");
  await happens({ connection: "reconnecting" });
  await passes(4_100);
  expect(find("announcement").textContent).toContain(en.game.offlineTitle);
  await happens({ connection: "live" });
  expect(find("announcement").textContent).toBe(en.connection.live);
});

test("who may go on alone is told so aloud", async () => {
  await open();
  await happens({ presence: { b: "gone" } });
  expect(find("announcement").textContent).toBe(en.game.goneBody);
});

test("the question stays out of the browser's history", async () => {
  await open();
  expect(page.title).toBe("Card 3 of 64 · Twotop");
});

// --- what can be pressed ----------------------------------------------------------------------------------------------

test("a card that has just appeared takes no press: half a double tap asks for nothing", async () => {
  sitDown();
  await show(h(Session, null));
  for (const id of ["show-hint", "write-answer", "move-next"]) {
    expect(find(id).getAttribute("aria-disabled")).toBe("true");
    await press(id);
  }
  expect(submit).not.toHaveBeenCalled();
  await passes(REST_MS + 50);
  await press("show-hint");
  expect(submit).toHaveBeenCalledTimes(1);
});

test("a second press on what was asked for takes nothing back", async () => {
  await open({ picture: picture({ wishes: [wish("a", "next")] }) });
  const next = find("move-next");
  expect(next.textContent).toBe(en.game.next);
  expect(next.getAttribute("aria-pressed")).toBe("true");
  await press("move-next");
  expect(submit).not.toHaveBeenCalled();
  await press("take-back");
  expect(submit).toHaveBeenCalledWith({ type: "withdraw_next", data: {} });
});

test("beside the partner's other wish, one's own says only what it is", async () => {
  const mine = wish("a", "next");
  await open({ picture: picture({ wishes: [mine] }) });
  expect(find("wish-mine").textContent).toContain(en.game.waiting);
  await happens({ picture: picture({ wishes: [mine, wish("b", "previous")] }) });
  expect(find("wish-theirs").textContent).toContain(en.game.theirs.previous);
  expect(find("wish-mine").textContent).toBe(en.game.mine.next + en.game.takeBack);
});

test("without a network nothing that needs it takes a press, and it is said why", async () => {
  await open();
  expect(maybe("offline-note")).toBeUndefined();
  await happens({ connection: "offline" });
  expect(find("connection-state").textContent).toBe(en.connection.offline);
  expect(find("offline-note").textContent).toContain(en.game.offlineBody);
  for (const id of ["move-next", "move-skip", "show-hint"]) {
    expect(find(id).getAttribute("aria-disabled")).toBe("true");
    await press(id);
  }
  expect(submit).not.toHaveBeenCalled();
  await happens({ connection: "live" });
  await press("move-next");
  expect(submit).toHaveBeenCalledTimes(1);
});

test("a tab that was replaced takes neither a press nor a swipe, and is not called offline", async () => {
  await open({ connection: "replaced" });
  swipeLeft();
  for (const id of ["move-next", "show-hint"]) {
    expect(find(id).getAttribute("aria-disabled")).toBe("true");
    await press(id);
  }
  expect(submit).not.toHaveBeenCalled();
  for (const id of ["no-network", "offline-note"]) expect(maybe(id)).toBeUndefined();
  await happens({ connection: "live" });
  swipeLeft();
  expect(submit).toHaveBeenCalledTimes(1);
});

/** A finger across the card. */
function swipeLeft(): void {
  const card = [...page.body.all()].find((one) => one.getAttribute("class")?.startsWith("card-place"));
  for (const [type, clientX] of [
    ["pointerdown", 200],
    ["pointerup", 50],
  ] as const) {
    const event = new Event(type);
    Object.assign(event, { pointerId: 1, pointerType: "touch", isPrimary: true, clientX, clientY: 100 });
    card?.dispatchEvent(event);
  }
}

test.each([
  ["the choice of a context", { context: null }],
  ["the question before frank ones", { context: "mature" }],
] as const)("without a network it is said why %s takes no press", async (_, change) => {
  await open({ connection: "offline", picture: picture(NOT_READY, change) });
  expect(find("no-network").textContent).toBe(en.game.noNetwork);
});

const CHOICE = {
  question_id: CARD.question_id,
  kind: "choice",
  text: "?",
  hint: null,
  choices: [{ id: "x", text: "X" }],
};
const sets = { "exploring/1/en": { language: "en", questions: [CHOICE] } } as never;

test("with one phone the choices are there to be talked about: none can be pressed", async () => {
  await open({ sets, picture: picture({}, ALONE) });
  expect(find("choices-read").textContent).toBe("X");
  for (const id of ["choice-x", "answers"]) expect(maybe(id)).toBeUndefined();
});

test("a choice counts as made when the server has taken it, not before", async () => {
  await open({ sets, pressed: "answer", sent: { card: CARD, answer: "x" } });
  expect(find("choice-x").getAttribute("aria-pressed")).toBe("false");
  expect(find("choice-x").getAttribute("aria-busy")).toBe("true");
  await happens({ pressed: null });
  expect(find("choice-x").getAttribute("aria-pressed")).toBe("true");
});

test("the form for an answer can be left without one", async () => {
  await open();
  await press("write-answer");
  await passes(REST_MS + 50);
  await press("cancel-answer");
  expect(maybe("answer-input")).toBeUndefined();
  expect(page.activeElement).toBe(find("write-answer"));
});

test("neither a reload in mid-sentence nor putting the answer off loses a word", async () => {
  await open();
  await press("write-answer");
  await write("answer-input", "The ferry at");
  await show(null);
  await open();
  expect(find("answer-input").value).toBe("The ferry at");
  await press("cancel-answer");
  expect(maybe("answer-input")).toBeUndefined();
  await press("write-answer");
  expect(find("answer-input").value).toBe("The ferry at");
  await passes(REST_MS + 50);
  await press("cancel-answer");
  await show(null);
  await open();
  expect(maybe("answer-input")).toBeUndefined();
  await press("write-answer");
  expect(find("answer-input").value).toBe("The ferry at");
});

test("what was being written to a card is not offered to the next one", async () => {
  await open();
  await press("write-answer");
  await write("answer-input", "The ferry at");
  await show(null);
  await open({ picture: picture({ question: { ...CARD, question_id: "earlier", position: 4 } }) });
  expect(maybe("answer-input")).toBeUndefined();
});

test("a move and the hint name the card that they are about", async () => {
  await open();
  const about = { question_id: CARD.question_id };
  await press("show-hint");
  await press("move-next");
  expect(submit.mock.calls).toEqual([[{ type: "reveal", data: about }], [{ type: "request_next", data: about }]]);
});

// --- where problems are told ------------------------------------------------------------------------------------------

const REFUSED = new Problem("unavailable", 503);
const OVER: ReadonlySet<string> = new Set([
  "credential_expired",
  "credential_invalid",
  "not_a_participant",
  "session_closed",
  "session_expired",
  "session_not_found",
]);

test("a problem is told in the open menu, where it can be read and pressed", async () => {
  await open();
  await press("menu");
  await happens({ problem: REFUSED });
  expect(find("menu-sheet").contains(find("problem"))).toBe(true);
  await press("menu-sheet-close");
  expect(page.body.contains(find("problem"))).toBe(true);
});

test("what is read aloud of a problem does not count down with its button", async () => {
  await open({ problem: new Problem("rate_limited", 429, 30) });
  const aloud = [...page.body.all()].find((one) => one.getAttribute("role") === "alert");
  expect(aloud?.textContent).toBe(en.problems.rate_limited.title + en.problems.rate_limited.body);
  expect(aloud?.contains(find("problem-retry"))).toBe(false);
});

test.each(PROBLEM_CODES)("%s leads nobody out of a session that goes on", async (code) => {
  await open({ problem: new Problem(code, 400), retry: null });
  const ways = [...find("problem").all()].map((one) => one.getAttribute("data-testid") ?? "");
  const out = ["problem-one-phone", "problem-join", "problem-other-code", "problem-reload"];
  expect(ways.filter((way) => out.includes(way))).toEqual([]);
  const over = OVER.has(code);
  expect(ways.includes("problem-start-over")).toBe(over);
  const [first] = ways.filter((way) => way.startsWith("problem-"));
  expect(first).toBeDefined();
  if (over || first === "problem-reload-page") return;
  await press(first as string);
  expect(current()).toMatchObject({ route: { name: "session" }, me: PHONE_A, problem: null });
});

test("before a session, one phone is the way on where pairing is off", async () => {
  sitDown({ route: { name: "decide" }, problem: new Problem("pairing_disabled", 503) });
  await show(h(ProblemNote, { problem: new Problem("pairing_disabled", 503) }));
  expect(maybe("problem-one-phone")).toBeDefined();
});

test("a page too old for the server is loaded anew", async () => {
  const reload = vi.fn();
  vi.stubGlobal("location", { reload });
  await open({ problem: new Problem("unknown_command", 422) });
  await press("problem-reload-page");
  expect(reload).toHaveBeenCalledTimes(1);
});

test("what was refused in the menu is not tried again from under another question", async () => {
  await open();
  await press("menu");
  await happens({ problem: REFUSED });
  await press("other-context");
  expect(find("screen-context")).toBeDefined();
  expect(maybe("problem")).toBeUndefined();
});

test("a refused yes to frank questions is not tried again from under another question", async () => {
  await open({ picture: picture(NOT_READY, { context: "mature" }) });
  await happens({ problem: REFUSED });
  await press("mature-no");
  expect(maybe("problem")).toBeUndefined();
});

test("the question before frank cards stands apart from the wish that asks it", async () => {
  const wishes = [{ participant_id: "b", wish: "context", context: "mature" } as const];
  await open({ picture: picture({ wishes }) });
  await press("grant-wish");
  expect(maybe("confirm")).toBeDefined();
  expect(find("wish-theirs").contains(find("confirm"))).toBe(false);
});

const ANSWERED = {
  answered: ["a", "b"],
  answers: ["a", "b"].map((participant_id) => ({ participant_id, answer: "the sea" })),
  revealed: true,
};

test("the same choice is a moment of its own, two choices and the same words are not", async () => {
  const answers = (mine: string, theirs: string) => [
    { participant_id: "a", answer: mine },
    { participant_id: "b", answer: theirs },
  ];
  await open({ sets, picture: picture({ ...ANSWERED, answers: answers("x", "x") }) });
  expect(find("both-chose").textContent).toBe(en.game.bothChose("X"));
  await happens({ picture: picture({ ...ANSWERED, answers: answers("x", "y") }) });
  expect(maybe("both-chose")).toBeUndefined();
  await closePage();
  openPage();
  await open({ picture: picture(ANSWERED) });
  expect(maybe("both-chose")).toBeUndefined();
});

test("answers are brought into sight when they are revealed, but not again after a reload", async () => {
  await open({ picture: picture({ answered: ["a"] }) });
  await happens({ picture: picture(ANSWERED) });
  expect(page.scrolledTo).toBe(find("revealed"));
  await closePage();
  openPage();
  await open({ picture: picture(ANSWERED) });
  expect(maybe("revealed")).toBeDefined();
  expect(page.scrolledTo).toBeNull();
});

test("a problem at the card is brought into sight", async () => {
  await open();
  await happens({ problem: REFUSED });
  expect(page.scrolledTo).toBe(find("problem"));
});

// --- where the focus goes ---------------------------------------------------------------------------------------------

test("whoever asked for the hint is on the hint", async () => {
  await open();
  await press("show-hint");
  await happens({ picture: picture({ question: { ...CARD, hint_revealed: true } }) });
  expect(page.activeElement).toBe(find("hint"));
});

test("whoever takes a wish back is on the button that asks for it", async () => {
  await open({ picture: picture({ wishes: [wish("a", "next")] }) });
  await press("take-back");
  await happens({ picture: picture() });
  expect(page.activeElement).toBe(find("move-next"));
});

test("whoever closes a problem is on the heading, and nobody else is moved", async () => {
  await open({ problem: new Problem("not_allowed", 409) });
  find("move-skip").focus();
  await happens({ presence: { b: "away" } });
  expect(page.activeElement).toBe(find("move-skip"));
  await press("problem-close");
  expect(page.activeElement).toBe(find("question"));
});

// --- the invitation ---------------------------------------------------------------------------------------------------

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

// --- cards to read again ----------------------------------------------------------------------------------------------

test("after a reload the kept card is shown as it was: not called offline, its hint not given away", async () => {
  await open({ picture: null, connection: "connecting" });
  expect(find("card").getAttribute("data-question")).toBe(CARD.question_id);
  for (const id of ["screen-dealt", "hint", "leaf-earlier"]) expect(maybe(id)).toBeUndefined();
  await happens({ connection: "offline" });
  expect(find("screen-dealt").textContent).toBe(en.game.dealtNote);
  await press("leaf-earlier");
  expect(find("card").getAttribute("data-question")).toBe(EARLIER.question_id);
  await passes(REST_MS + 50);
  await press("show-hint");
  expect(find("hint").textContent).toBe("Think of a door.");
  expect(submit).not.toHaveBeenCalled();
});

test("reading earlier cards begins with one that does not lie open", async () => {
  await open({ connection: "offline" });
  await press("leaf");
  expect(find("card").getAttribute("data-question")).toBe(EARLIER.question_id);
});

test("after the last card too, the cards can be read without a network", async () => {
  await open({ connection: "offline", picture: picture({ question: null, finished: true }) });
  await press("leaf");
  expect(find("card").getAttribute("data-question")).toBe(CARD.question_id);
});

// --- words and ways that fit ------------------------------------------------------------------------------------------

test("one phone alone is not told of two when the round is ended", async () => {
  await open({
    picture: picture({ finished: true, question: null }, { mode: "single", members: picture().members.slice(0, 1) }),
  });
  await press("end-session");
  expect(find("confirm").textContent).toContain(en.session.endTitleOnePhone);
  expect(find("confirm").textContent).not.toContain(en.session.endBody);
});

test("one phone agrees to frank questions in words for one phone, may choose others, and ends nothing in one tap", async () => {
  const frank = picture(
    { both_ready: false, question: null },
    { mode: "single", dual_status: "none", context: "mature", members: picture().members.slice(0, 1) },
  );
  await open({ picture: frank });
  expect(page.body.textContent).toContain(en.context.matureBodyOnePhone);
  await press("end-session");
  expect(maybe("confirm")).toBeDefined();
  await press("confirm-no");
  await press("mature-no");
  await press("context-exploring");
  expect(submit.mock.calls).toEqual([[{ type: "choose_context", data: { context: "exploring" } }]]);
});

test("who does not want frank questions asks for others, and the one who waits can agree", async () => {
  const before = { both_ready: false, question: null, mature_opt_in: ["a"] };
  await open({ me: PHONE_B, picture: picture(before, { context: "mature" }) });
  await press("mature-no");
  await press("context-established");
  expect(submit.mock.calls).toEqual([[{ type: "choose_context", data: { context: "established" } }]]);
  await passes(0);
  const wishes = [{ participant_id: "b", wish: "context", context: "established" } as const];
  await happens({ picture: picture({ ...before, wishes }, { context: "mature" }) });
  expect(find("wish-mine").getAttribute("data-context")).toBe("established");
  await closePage();
  openPage();
  submit.mockClear();
  await open({ picture: picture({ ...before, ready: ["a"], wishes }, { context: "mature" }) });
  expect(maybe("ready-button")).toBeDefined();
  await passes(REST_MS + 50);
  await press("grant-wish");
  expect(submit.mock.calls).toEqual([[{ type: "choose_context", data: { context: "established" } }]]);
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

// --- the screen stays on ----------------------------------------------------------------------------------------------

const HERE = picture().members.slice(0, 1);

test.each([
  ["at a card", picture(), 1],
  ["while the other gets ready", picture({ both_ready: false, question: null }), 1],
  [
    "while the square is scanned",
    picture({ both_ready: false, question: null }, { dual_status: "waiting", members: HERE }),
    1,
  ],
  ["after the last card", picture({ question: null, finished: true }), 0],
] as const)("the phone keeps its screen on: %s", async (_, seen, times) => {
  const request = vi.fn(() => new Promise(() => undefined));
  vi.stubGlobal("navigator", { wakeLock: { request } });
  vi.stubGlobal("location", { origin: "https://table.test" });
  await open({ picture: seen });
  expect(request).toHaveBeenCalledTimes(times);
});
