// Adds up what a phone fetches before it sees the first screen, compressed, and fails when it grows past the limit.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const LIMIT_KB = 60;
const dist = join(import.meta.dirname, "..", "dist");
const html = readFileSync(join(dist, "index.html"), "utf8");
const assets = [...html.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css|woff2))"/g)].map((match) => match[1]);
const first = ["index.html", ...assets];
// The stylesheet names both font files; a page without Vietnamese letters fetches only the Latin one.
const css = assets.find((name) => name.endsWith(".css"));
const font = css && /\/(assets\/display-latin[^)"']+\.woff2)/.exec(readFileSync(join(dist, css), "utf8"));
if (font && !first.includes(font[1])) first.push(font[1]);

let total = 0;
for (const name of first) {
  const path = join(dist, name);
  const bytes = statSync(name.endsWith(".woff2") ? path : `${path}.gz`).size;
  total += bytes;
  console.log(`${(bytes / 1000).toFixed(1).padStart(7)} kB  ${name}`);
}
console.log(`${(total / 1000).toFixed(1).padStart(7)} kB  first view, compressed (limit ${LIMIT_KB} kB)`);
if (total > LIMIT_KB * 1000) process.exit(1);
