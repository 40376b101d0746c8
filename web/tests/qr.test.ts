import { h } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Qr } from "../src/ui/Qr";
import { act, closePage, find, maybe, openPage, press, show } from "./page";

const encode = vi.hoisted(() => vi.fn());
vi.mock("uqr", () => ({ encode }));

beforeEach(openPage);
afterEach(closePage);

test("a square that could not be drawn says so, and is drawn when tried again", async () => {
  encode.mockImplementationOnce(() => {
    throw new TypeError("chunk");
  });
  await show(h(Qr, { text: "https://table", label: "square" }));
  await vi.waitFor(() => act(() => expect(maybe("qr-failed")).toBeDefined()));
  expect(maybe("join-qr")).toBeUndefined();
  encode.mockReturnValue({ data: [[true]], size: 1 });
  await press("qr-retry");
  await vi.waitFor(() => act(() => expect(find("join-qr").getAttribute("data-drawn")).toBe("true")));
});
