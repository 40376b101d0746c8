/** Fetches the session's part of the app, while the guest is still choosing; tries until it is there. */
import { backoffMs } from "./realtime/backoff";

type Live = typeof import("./live");

/** After a new release the file of this page's release may be gone from the server: only the page itself knows the new one. */
const RELOAD_AFTER = 3;
const RELOADED = "twotop.reloaded";

let loaded: Live | null = null;
let loading: Promise<Live> | null = null;
let awaited = false;

export function live(): Live | null {
  return loaded;
}

async function fetchLive(): Promise<Live> {
  for (let attempt = 1; ; attempt++) {
    try {
      loaded = await import("./live");
      forgetReload();
      return loaded;
    } catch {
      if (awaited && attempt >= RELOAD_AFTER) await reloadOnce();
      await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt)));
    }
  }
}

/** Once in this tab until it helped, and only while the server can be reached: a reload must not lose the page. */
async function reloadOnce(): Promise<void> {
  try {
    if (sessionStorage.getItem(RELOADED) !== null) return;
    const page = await fetch(location.pathname, { method: "HEAD", cache: "no-store" });
    if (!page.ok) return;
    sessionStorage.setItem(RELOADED, "1");
    location.reload();
  } catch {
    // No network, or a private window that cannot remember the reload: going on to try is all there is.
  }
}

function forgetReload(): void {
  try {
    sessionStorage.removeItem(RELOADED);
  } catch {
    // Nothing could be remembered either.
  }
}

/** `needed`: a guest waits for it. */
export function loadLive(needed = false): Promise<Live> {
  awaited ||= needed;
  loading ??= fetchLive();
  return loading;
}
