/** Which way a request goes through the service worker. Pure. */

/** `page`: network first. `asset` and `questions`: cache first, since what such an address names never changes. */
export type Way = "page" | "asset" | "questions";

interface Asked {
  method: string;
  mode: string;
  url: string;
}

/** null: the service worker keeps out of it; so it is for every other answer of the API. */
export function wayOf(asked: Asked, origin: string): Way | null {
  const url = new URL(asked.url);
  if (asked.method !== "GET" || url.origin !== origin) return null;
  if (asked.mode === "navigate") return url.pathname === "/" || url.pathname.startsWith("/t/") ? "page" : null;
  if (url.pathname.startsWith("/assets/")) return "asset";
  const versioned = url.searchParams.has("version") && url.searchParams.has("language");
  return /^\/api\/v1\/question-sets\/[a-z]+$/.test(url.pathname) && versioned ? "questions" : null;
}

/** What a built file is called in every build: its name without the hash of its content. */
export function stemOf(path: string): string {
  return path.replace(/-[\w-]{8}(\.\w+)$/, "$1");
}
