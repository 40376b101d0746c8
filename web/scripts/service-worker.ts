import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Plugin, Rollup } from "vite";

type Bundle = Rollup.OutputBundle;

/** What an entry brings with it, also when it is asked for later. */
function withImports(bundle: Bundle, entry: string): Set<string> {
  const names = new Set<string>();
  const add = (name: string) => {
    const file = bundle[name];
    if (names.has(name) || file === undefined) return;
    names.add(name);
    if (file.type !== "chunk") return;
    for (const css of file.viteMetadata?.importedCss ?? []) names.add(css);
    for (const other of [...file.imports, ...file.dynamicImports]) add(other);
  };
  for (const [name, file] of Object.entries(bundle)) if (file.type === "chunk" && file.name === entry) add(name);
  return names;
}

/** Only guests of some language need it: kept by the phones that have used it. */
function isOfOneLanguage(bundle: Bundle, name: string): boolean {
  const file = bundle[name];
  const words = file?.type === "chunk" && /\/src\/i18n\/\w+\.ts$/.test(file.facadeModuleId ?? "");
  return words || name.includes("display-vietnamese");
}

/** Tells the built service worker which files make up this build, so that it can keep them, and all of one build. */
export function serviceWorker(): Plugin {
  let outDir = "dist";
  return {
    name: "service-worker",
    apply: "build",
    configResolved(config) {
      outDir = join(config.root, config.build.outDir);
    },
    async writeBundle(_, bundle) {
      const app = withImports(bundle, "app");
      const demo = [...withImports(bundle, "polling")].filter((name) => !app.has(name));
      const all = (await readdir(join(outDir, "assets"))).sort().map((name) => `assets/${name}`);
      const ofApp = all.filter((name) => !demo.includes(name));
      const needed = ofApp.filter((name) => !isOfOneLanguage(bundle, name));
      const optional = ofApp.filter((name) => isOfOneLanguage(bundle, name));
      const page = await readFile(join(outDir, "index.html"));
      const build = createHash("sha256").update(page).update(ofApp.join("\n")).digest("hex").slice(0, 12);
      const path = join(outDir, "sw.js");
      let code = await readFile(path, "utf8");
      const fill = (place: string, text: string) => {
        if (!code.includes(place)) throw new Error(`sw.js has no ${place}`);
        code = code.replace(place, text.replaceAll('"', '\\"'));
      };
      const addresses = (names: string[]) => JSON.stringify(names.map((name) => `/${name}`));
      fill("__BUILD__", build);
      fill("__FILES__", addresses(needed));
      fill("__SOME_FILES__", addresses(optional));
      await writeFile(path, code);
    },
  };
}
