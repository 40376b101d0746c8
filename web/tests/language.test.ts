import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { setLanguage } from "../src/actions";
import type { Language, Strings } from "../src/i18n";
import { current, update } from "../src/store";
import { FakeStorage } from "./storage";

let bring: (language: Language) => Promise<Strings>;

vi.mock("../src/i18n", async (original) => ({
  ...(await original<object>()),
  loadStrings: (language: Language) => bring(language),
}));

const words = (language: Language) => ({ locale: language }) as Strings;
const root = { lang: "en" };

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("document", { documentElement: root });
  root.lang = "en";
  update({ language: "en", strings: words("en") });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const spoken = () => [current().language, current().strings.locale, root.lang];

test("of two choices the later counts, whichever file comes first", async () => {
  let bringGerman: (strings: Strings) => void = () => undefined;
  const german = new Promise<Strings>((resolve) => (bringGerman = resolve));
  bring = (language) => (language === "de" ? german : Promise.resolve(words(language)));
  const first = setLanguage("de", false);
  await setLanguage("vi", false);
  bringGerman(words("de"));
  await first;
  expect(spoken()).toEqual(["vi", "vi", "vi"]);
});

test("a language whose file does not come is spoken when it comes, and the one before until then", async () => {
  bring = () => Promise.reject(new TypeError("network"));
  await setLanguage("de", false);
  expect(spoken()).toEqual(["en", "en", "en"]);
  bring = async (language) => words(language);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(spoken()).toEqual(["de", "de", "de"]);
});

test("a language that never comes to this page is spoken by a page loaded anew, once in a while", async () => {
  const reload = vi.fn();
  vi.stubGlobal("location", { pathname: "/t/tok", reload });
  vi.stubGlobal("sessionStorage", new FakeStorage());
  vi.stubGlobal("fetch", async () => new Response(""));
  bring = () => Promise.reject(new TypeError("a failure that the browser keeps"));
  await setLanguage("de", false);
  await vi.advanceTimersByTimeAsync(8_000);
  expect(reload).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(300_000);
  expect(reload).toHaveBeenCalledTimes(1);
});

test("a language that is not wanted any more is not tried again", async () => {
  bring = () => Promise.reject(new TypeError("network"));
  await setLanguage("de", false);
  bring = async (language) => words(language);
  await setLanguage("es", false);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(spoken()).toEqual(["es", "es", "es"]);
});
