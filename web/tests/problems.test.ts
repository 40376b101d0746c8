import { h } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PROBLEM_CODES, Problem } from "../src/api/problems";
import { en } from "../src/i18n/en";
import { current } from "../src/store";
import { ProblemNote } from "../src/ui/ProblemNote";
import { find, maybe, page, press, show } from "./page";
import { closeTable, open, openTable } from "./session";
import { happens, NOT_READY, PHONE_A, picture, sitDown } from "./table";

beforeEach(openTable);
afterEach(closeTable);

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

test("a problem at the card is brought into sight", async () => {
  await open();
  await happens({ problem: REFUSED });
  expect(page.scrolledTo).toBe(find("problem"));
});
