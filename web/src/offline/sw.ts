/**
 * The service worker: the app's own files from the cache, the page from the network while there is one, the questions kept.
 *
 * Invariants: the page and the assets in one cache are of one build, listed by the build itself; a newer build takes over
 * when the last page of the older one is closed; nothing that belongs to a session or a table is ever stored.
 */
import { stemOf, wayOf } from "./way";

interface LifecycleEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent extends LifecycleEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface ServiceWorkerScope {
  readonly clients: { claim(): Promise<void> };
  addEventListener(type: "install" | "activate", listener: (event: LifecycleEvent) => void): void;
  addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;
}

// Filled in by scripts/service-worker.ts.
const BUILD = "__BUILD__";
const FILES = JSON.parse("__FILES__") as string[];
/** Of the languages: kept once a page has asked for them, and by the builds that follow. */
const SOME_FILES = JSON.parse("__SOME_FILES__") as string[];

const SHELL = `twotop-shell-${BUILD}`;
const QUESTIONS = "twotop-questions";
const PAGE = "/";
const SETS_AT_MOST = 16;
/** A network that takes longer than this to bring the page is no network. */
const PATIENCE_MS = 4_000;

const worker = self as unknown as ServiceWorkerScope;

async function install(): Promise<void> {
  const shell = await caches.open(SHELL);
  await shell.add(new Request(PAGE, { cache: "reload" }));
  const used = await stemsInUse();
  await shell.addAll([...FILES, ...SOME_FILES.filter((file) => used.has(stemOf(file)))]);
}

const shells = async () => (await caches.keys()).filter((name) => name.startsWith("twotop-shell-"));

async function stemsInUse(): Promise<Set<string>> {
  const kept = await Promise.all((await shells()).map(async (name) => (await caches.open(name)).keys()));
  return new Set(kept.flat().map(({ url }) => stemOf(new URL(url).pathname)));
}

async function activate(): Promise<void> {
  const old = (await shells()).filter((name) => name !== SHELL);
  await Promise.all(old.map((name) => caches.delete(name)));
  await worker.clients.claim();
}

async function page(request: Request): Promise<Response> {
  const kept = await (await caches.open(SHELL)).match(PAGE);
  if (kept === undefined) return fetch(request);
  const patience = new Promise<Response>((resolve) => setTimeout(() => resolve(kept), PATIENCE_MS));
  const network = fetch(request).then(
    (response) => (response.status < 500 ? response : kept),
    () => kept,
  );
  return Promise.race([network, patience]);
}

async function asset(request: Request): Promise<Response> {
  const kept = await caches.match(request);
  if (kept !== undefined) return kept;
  const response = await fetch(request);
  if (response.ok && SOME_FILES.includes(new URL(request.url).pathname)) {
    await (await caches.open(SHELL)).put(request, response.clone());
  }
  return response;
}

async function questions(request: Request): Promise<Response> {
  const sets = await caches.open(QUESTIONS);
  const kept = await sets.match(request.url);
  if (kept !== undefined) return kept;
  const response = await fetch(request);
  if (response.status === 200) {
    await sets.put(request.url, response.clone());
    const all = await sets.keys();
    await Promise.all(all.slice(0, Math.max(0, all.length - SETS_AT_MOST)).map((oldest) => sets.delete(oldest)));
  }
  return response;
}

const ANSWERS = { page, asset, questions };

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(activate()));
worker.addEventListener("fetch", (event) => {
  const way = wayOf(event.request, location.origin);
  if (way !== null) event.respondWith(ANSWERS[way](event.request));
});
