/** Fetches the session's part of the app, while the guest is still choosing; tries until it is there. */
import { afterFailure } from "./missing-file";

type Live = typeof import("./live");

/** Who waits for the game has nothing on the page to lose. */
const RELOAD_EVERY_MS = 60_000;

let loaded: Live | null = null;
let loading: Promise<Live> | null = null;
let awaited = false;

export function live(): Live | null {
  return loaded;
}

async function fetchLive(): Promise<Live> {
  for (let failures = 1; ; failures++) {
    try {
      loaded = await import("./live");
      return loaded;
    } catch {
      await afterFailure(failures, awaited ? RELOAD_EVERY_MS : null);
    }
  }
}

/** `needed`: a guest waits for it. */
export function loadLive(needed = false): Promise<Live> {
  awaited ||= needed;
  loading ??= fetchLive();
  return loading;
}
