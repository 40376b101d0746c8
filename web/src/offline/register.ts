/**
 * Makes the app installable and readable without a network. On a slow network that must not take from what a guest waits
 * for: it begins once a card can be read, or, for who never comes so far, after a while.
 */
import { type AppState, until } from "../store";

const AFTER_MS = 30_000;
const IDLE_WITHIN_MS = 5_000;

const hasText = ({ sets }: AppState) => Object.values(sets).some((set) => set !== null);

export function registerServiceWorker(): void {
  // On plain HTTP, and in old or private browsers, there is none: everything else works as before.
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const awhile = new Promise((resolve) => setTimeout(resolve, AFTER_MS));
  void Promise.race([until(hasText), awhile])
    .then(whenIdle)
    .then(register);
}

function isKept(address: string): boolean {
  const { origin, pathname } = new URL(address);
  return origin === location.origin && /^\/(assets|api\/v1\/question-sets)\//.test(pathname);
}

function whenIdle(): Promise<unknown> {
  return new Promise((resolve) => {
    // Safari has no requestIdleCallback.
    if (typeof requestIdleCallback === "function") requestIdleCallback(resolve, { timeout: IDLE_WITHIN_MS });
    else setTimeout(resolve, 1_000);
  });
}

async function register(): Promise<void> {
  try {
    const { serviceWorker } = navigator;
    const taken = new Promise((resolve) => serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
    await serviceWorker.register("/sw.js");
    if (serviceWorker.controller === null) await taken;
    // What this page fetched before there was a service worker: asked for once more, it comes from the browser's cache.
    const fetched = performance.getEntriesByType("resource").map(({ name }) => name);
    await Promise.all(fetched.filter(isKept).map((address) => fetch(address)));
  } catch {
    // The app works without.
  }
}
