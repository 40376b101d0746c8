import { h } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { en } from "../src/i18n/en";
import { Session } from "../src/screens/Session";
import { REST_MS } from "../src/ui/rest";
import { find, maybe, page, press, show } from "./page";
import { closeTable, open, openTable, passes } from "./session";
import { CARD, happens, NOT_READY, picture, sitDown, wish } from "./table";

const submit = vi.hoisted(() => vi.fn(async () => undefined));
vi.mock("../src/following", () => ({ submit, wakeUp: () => undefined }));

beforeEach(openTable);
afterEach(closeTable);

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

test("a move and the hint name the card that they are about", async () => {
  await open();
  const about = { question_id: CARD.question_id };
  await press("show-hint");
  await press("move-next");
  expect(submit.mock.calls).toEqual([[{ type: "reveal", data: about }], [{ type: "request_next", data: about }]]);
});
