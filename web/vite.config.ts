import { resolve } from "node:path";
import { defineConfig } from "vitest/config";
import { precompress } from "./scripts/precompress.ts";
import { serviceWorker } from "./scripts/service-worker.ts";

const page = (path: string) => resolve(import.meta.dirname, path);

export default defineConfig({
  plugins: [serviceWorker(), precompress()],
  build: {
    target: "es2020",
    // The gateway's CSP allows scripts, styles and fonts as files of this origin: none may become inline or a data: URI.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { app: page("index.html"), polling: page("demo/polling.html"), sw: page("src/offline/sw.ts") },
      output: {
        // A service worker is found by its name, at the root whose pages it serves.
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
      },
    },
  },
  server: {
    port: 5173,
    host: "127.0.0.1",
    proxy: {
      "/api": process.env["TWOTOP_GATEWAY_URL"] ?? "http://127.0.0.1:8080",
      "/ws": { target: process.env["TWOTOP_GATEWAY_URL"] ?? "http://127.0.0.1:8080", ws: true },
    },
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node", css: { include: [/tokens\.css/] } },
});
