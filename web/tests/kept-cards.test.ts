import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { en } from "../src/i18n/en";
import { REST_MS } from "../src/ui/rest";
import { find, maybe, press } from "./page";
import { closeTable, open, openTable, passes } from "./session";
import { CARD, EARLIER, happens, picture } from "./table";

const submit = vi.hoisted(() => vi.fn(async () => undefined));
vi.mock("../src/following", () => ({ submit }));

beforeEach(openTable);
afterEach(closeTable);

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
