import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Problem } from "../src/api/problems";
import { find, page, press } from "./page";
import { closeTable, open, openTable } from "./session";
import { CARD, happens, picture, wish } from "./table";

vi.mock("../src/following", () => ({ submit: async () => undefined }));

beforeEach(openTable);
afterEach(closeTable);

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
