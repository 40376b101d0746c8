import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Plugin } from "vite";

/** Tells the built service worker which files make up this build, so that it can keep them all, and all of one build. */
export function serviceWorker(): Plugin {
  let outDir = "dist";
  return {
    name: "service-worker",
    apply: "build",
    configResolved(config) {
      outDir = join(config.root, config.build.outDir);
    },
    async writeBundle() {
      const files = (await readdir(join(outDir, "assets"))).sort().map((name) => `/assets/${name}`);
      const page = await readFile(join(outDir, "index.html"));
      const build = createHash("sha256").update(page).update(files.join("\n")).digest("hex").slice(0, 12);
      const path = join(outDir, "sw.js");
      const code = await readFile(path, "utf8");
      if (!code.includes("__BUILD__") || !code.includes("__FILES__"))
        throw new Error("sw.js has no place for its files");
      const filled = code
        .replace("__BUILD__", build)
        .replace("__FILES__", JSON.stringify(files).replaceAll('"', '\\"'));
      await writeFile(path, filled);
    },
  };
}
