/** Fetches the session's part of the app, while the guest is still choosing; tries until it is there. */
import { backoffMs } from "./realtime/backoff";

type Live = typeof import("./live");

let loaded: Live | null = null;
let loading: Promise<Live> | null = null;

export function live(): Live | null {
  return loaded;
}

async function fetchLive(): Promise<Live> {
  for (let attempt = 0; ; attempt++) {
    try {
      loaded = await import("./live");
      return loaded;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt)));
    }
  }
}

export function loadLive(): Promise<Live> {
  loading ??= fetchLive();
  return loading;
}
