import { h } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Qr } from "../src/ui/Qr";
import { act, closePage, find, maybe, openPage, press, show } from "./page";
import { FakeStorage } from "./storage";

const encode = vi.hoisted(() => vi.fn());
vi.mock("uqr", () => ({ encode }));

beforeEach(openPage);
afterEach(closePage);

beforeEach(() => {
  encode.mockImplementation(() => {
    throw new TypeError("chunk");
  });
});

const showFailed = async () => {
  await show(h(Qr, { text: "https://table", label: "square" }));
  await vi.waitFor(() => act(() => expect(maybe("qr-failed")).toBeDefined()));
  expect(maybe("join-qr")).toBeUndefined();
};

test("a square that could not be drawn says so, and is drawn as soon as it can be", async () => {
  await showFailed();
  encode.mockImplementation(() => ({ data: [[true]], size: 1 }));
  await vi.waitFor(() => act(() => expect(find("join-qr").getAttribute("data-drawn")).toBe("true")), {
    timeout: 3_000,
  });
});

test("whoever asks for a square that does not come gets the page anew", async () => {
  const reload = vi.fn();
  vi.stubGlobal("location", { pathname: "/t/tok", reload });
  vi.stubGlobal("sessionStorage", new FakeStorage());
  vi.stubGlobal("fetch", async () => new Response(""));
  await showFailed();
  await press("qr-retry");
  await vi.waitFor(() => expect(reload).toHaveBeenCalledTimes(1));
});
