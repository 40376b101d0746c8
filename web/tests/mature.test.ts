import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { en } from "../src/i18n/en";
import { REST_MS } from "../src/ui/rest";
import { closePage, find, maybe, openPage, page, press } from "./page";
import { closeTable, open, openTable, passes } from "./session";
import { happens, PHONE_B, picture, wish } from "./table";

const submit = vi.hoisted(() => vi.fn(async () => undefined));
vi.mock("../src/following", () => ({ submit }));

beforeEach(openTable);
afterEach(closeTable);

test("the question before frank cards stands apart from the wish that asks it", async () => {
  const wishes = [{ participant_id: "b", wish: "context", context: "mature" } as const];
  await open({ picture: picture({ wishes }) });
  await press("grant-wish");
  expect(maybe("confirm")).toBeDefined();
  expect(find("wish-theirs").contains(find("confirm"))).toBe(false);
});

test("the question about frank cards goes with the wish that asked it: a yes does not grant the next one", async () => {
  const wishes = [{ participant_id: "b", wish: "context", context: "mature" } as const];
  await open({ picture: picture({ wishes }) });
  await press("grant-wish");
  await happens({ picture: picture({ wishes: [wish("b", "next")] }) });
  expect(maybe("confirm")).toBeUndefined();
  expect(find("wish-theirs").getAttribute("data-wish")).toBe("next");
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
