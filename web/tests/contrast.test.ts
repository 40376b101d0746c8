import { expect, test } from "vitest";
import tokens from "../src/styles/tokens.css?raw";

type Colours = Record<string, string>;

const colours = (css: string): Colours =>
  Object.fromEntries([...css.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]));

const [day = "", night = ""] = tokens.split("@media (prefers-color-scheme: dark)");
const light = colours(day);
const SCHEMES = { light, dark: { ...light, ...colours(night) } };

/** Relative luminance, WCAG 2.2. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [dark = 0, bright = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (bright + 0.05) / (dark + 0.05);
}

test.each(Object.entries(SCHEMES))("the edge of a field is seen on the page and on the field: %s", (_, scheme) => {
  for (const ground of ["page", "card"]) {
    expect(contrast(scheme["edge"] ?? "", scheme[ground] ?? ""), ground).toBeGreaterThanOrEqual(3);
  }
});

test.each(Object.entries(SCHEMES))("words are read on what they stand on: %s", (_, scheme) => {
  for (const [ink, ground] of [
    ["ink", "page"],
    ["ink-soft", "page"],
    ["ink-soft", "card"],
    ["on-primary", "primary"],
    ["alert", "alert-page"],
    ["on-room-soft", "room"],
  ] as const) {
    expect(contrast(scheme[ink] ?? "", scheme[ground] ?? ""), `${ink} on ${ground}`).toBeGreaterThanOrEqual(4.5);
  }
});
