import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { listen, swipeOf } from "../src/ui/swipe";
import { FakeNode, openPage, page } from "./page";

let card: FakeNode;
let swiped: string[];
let stop: () => void;

beforeEach(() => {
  openPage();
  card = new FakeNode("div");
  swiped = [];
  stop = listen(card as unknown as HTMLElement, (swipe) => swiped.push(swipe));
});
afterEach(() => {
  stop();
  vi.unstubAllGlobals();
});

function finger(type: string, x: number, { id = 1, isPrimary = true } = {}): void {
  const event = new Event(type);
  Object.assign(event, { pointerId: id, pointerType: "touch", isPrimary, clientX: x, clientY: 100 });
  card.dispatchEvent(event);
  // It rises to the window too.
  const risen = new Event(type);
  Object.assign(risen, { isPrimary });
  dispatchEvent(risen);
}

test("a straight way of some length is a swipe, less is none", () => {
  expect(swipeOf(-80, 10)).toBe("left");
  expect(swipeOf(80, 10)).toBe("right");
  expect(swipeOf(60, 0)).toBeNull();
  expect(swipeOf(80, 70)).toBeNull();
});

test("one finger across the card is a swipe", () => {
  finger("pointerdown", 200);
  finger("pointermove", 120);
  expect(card.classes).toContain("dragged");
  finger("pointerup", 100);
  expect(swiped).toEqual(["left"]);
  expect(card.classes).not.toContain("dragged");
});

test("a second finger makes it a pinch, which turns nothing", () => {
  finger("pointerdown", 200);
  finger("pointermove", 150);
  finger("pointerdown", 220, { id: 2, isPrimary: false });
  expect(card.classes).not.toContain("dragged");
  finger("pointerup", 90);
  expect(swiped).toEqual([]);
});

test("on an enlarged page a finger moves about and turns nothing", () => {
  const view = visualViewport as unknown as EventTarget & { scale: number };
  view.scale = 2;
  view.dispatchEvent(new Event("resize"));
  expect(card.classes).toContain("zoomed");
  finger("pointerdown", 200);
  finger("pointerup", 100);
  expect(swiped).toEqual([]);
  view.scale = 1;
  view.dispatchEvent(new Event("resize"));
  expect(card.classes).not.toContain("zoomed");
});

function key(
  name: string,
  { target = card, ...with_ }: { target?: FakeNode; ctrlKey?: boolean; repeat?: boolean } = {},
) {
  const event = new Event("keydown");
  Object.defineProperty(event, "target", { value: target });
  dispatchEvent(Object.assign(event, { key: name }, with_));
}

test("the arrow keys turn cards as fingers do", () => {
  for (const name of ["ArrowRight", "ArrowLeft", "ArrowDown", "n"]) key(name);
  expect(swiped).toEqual(["left", "right"]);
});

test("an arrow key turns nothing in a field, under a sheet, with another key, or held down", () => {
  for (const name of ["textarea", "input", "select"]) key("ArrowRight", { target: new FakeNode(name) });
  key("ArrowRight", { ctrlKey: true });
  key("ArrowRight", { repeat: true });
  const sheet = new FakeNode("dialog");
  page.body.insertBefore(sheet, null);
  sheet.showModal();
  key("ArrowRight");
  sheet.remove();
  expect(swiped).toEqual([]);
});
