import { describe, expect, test } from "vitest";
import { stemOf, wayOf } from "../src/offline/way";
import { swipeOf } from "../src/ui/swipe";

const ORIGIN = "https://x";
const asked = (path: string, mode = "cors", method = "GET") => ({ method, mode, url: ORIGIN + path });

describe("through the service worker", () => {
  test.each<[string, ReturnType<typeof wayOf>]>([
    ["/", "page"],
    ["/t/abc", "page"],
    ["/demo/polling.html", null],
    ["/api/v1/tables/abc", null],
  ])("opening %s goes the way of %s", (path, way) => {
    expect(wayOf(asked(path, "navigate"), ORIGIN)).toBe(way);
  });

  test.each<[string, ReturnType<typeof wayOf>]>([
    ["/assets/app-1a2b.js", "asset"],
    ["/api/v1/question-sets/exploring?version=3&language=vi", "questions"],
    ["/api/v1/question-sets/exploring?language=vi", null],
    ["/api/v1/question-sets/exploring", null],
    ["/api/v1/tables/abc", null],
    ["/api/v1/sessions/5e55/snapshot", null],
    ["/api/v1/sessions/5e55/events?cursor=3&version=1&language=vi", null],
    ["/t/abc", null],
    ["/manifest.webmanifest", null],
  ])("fetching %s goes the way of %s", (path, way) => {
    expect(wayOf(asked(path), ORIGIN)).toBe(way);
  });

  test("nothing is sent, and nobody else's answer kept", () => {
    expect(wayOf(asked("/assets/app.js", "cors", "POST"), ORIGIN)).toBeNull();
    expect(wayOf({ method: "GET", mode: "cors", url: "https://y/assets/app.js" }, ORIGIN)).toBeNull();
  });
});

test("a swipe is long and level; a tap, a scroll and a slant are none", () => {
  expect(swipeOf(-120, 10)).toBe("left");
  expect(swipeOf(120, -40)).toBe("right");
  for (const [dx, dy] of [
    [0, 0],
    [-60, 0],
    [10, 200],
    [-90, 80],
  ] as const) {
    expect(swipeOf(dx, dy)).toBeNull();
  }
});

test("a file is known again in another build by its name without its hash", () => {
  expect(stemOf("/assets/de-B8PTeHh4.js")).toBe("/assets/de.js");
  expect(stemOf("/assets/es-D3-_Q9vx.js")).toBe("/assets/es.js");
  expect(stemOf("/assets/display-vietnamese-DRzFPCnt.woff2")).toBe("/assets/display-vietnamese.woff2");
});
