import { afterEach, beforeEach, expect, test } from "vitest";
import { en } from "../src/i18n/en";
import { say } from "../src/store";
import { act, find, page, press } from "./page";
import { closeTable, open, openTable, passes } from "./session";
import { happens } from "./table";

beforeEach(openTable);
afterEach(closeTable);

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
