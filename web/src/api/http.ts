/**
 * One HTTP call with the contract's manners: problem documents become `Problem`, unsafe calls carry an idempotency key and
 * are sent again with the same key when the network (not the server) failed.
 */
import { randomKey } from "../ids";
import { Problem, readProblem } from "./problems";

export interface Call {
  method?: "GET" | "POST" | "DELETE";
  body?: unknown;
  credential?: string;
  /** Sent as Idempotency-Key; unsafe calls without one get a random one. */
  key?: string;
  signal?: AbortSignal;
  /** `no-store` unless told. */
  cache?: RequestCache;
  timeoutMs?: number;
  /** How often to try again after a network failure or a 502/503/504 (default 2). */
  retries?: number;
}

const RETRY_DELAYS_MS = [400, 1_200, 2_500];

let skewMs = 0;

/** The server's clock as far as its answers tell: phones are often minutes off, countdowns must not be. */
export function serverNow(): number {
  return Date.now() + skewMs;
}

/** From answers that no cache may have kept: the date of a kept one is long past. */
function learnClock(response: Response): void {
  const date = Date.parse(response.headers.get("date") ?? "");
  // The header has whole seconds: only a skew that shows in a countdown is worth correcting.
  if (Number.isFinite(date)) skewMs = Math.abs(date - Date.now()) > 2_000 ? date - Date.now() : 0;
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

async function once<T>(path: string, call: Call, headers: Record<string, string>): Promise<T> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), call.timeoutMs ?? 10_000);
  const cache = call.cache ?? "no-store";
  const forward = () => timeout.abort();
  if (call.signal?.aborted) timeout.abort();
  call.signal?.addEventListener("abort", forward);
  try {
    const response = await fetch(path, {
      method: call.method ?? "GET",
      headers,
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      signal: timeout.signal,
      credentials: "omit",
      cache,
    });
    if (cache === "no-store") learnClock(response);
    if (response.status === 204) return undefined as T;
    const body: unknown = await response.json().catch(unreadable);
    if (!response.ok) throw readProblem(response.status, body, response.headers.get("retry-after"));
    if (body === null) throw new Problem("unexpected", response.status);
    return body as T;
  } catch (error) {
    if (error instanceof Problem) throw error;
    if (call.signal?.aborted) throw call.signal.reason;
    throw new Problem("offline", 0);
  } finally {
    clearTimeout(timer);
    call.signal?.removeEventListener("abort", forward);
  }
}

/** An answer that came whole and is no JSON; one that was cut off on its way is no answer at all. */
function unreadable(error: unknown): null {
  if (error instanceof SyntaxError) return null;
  throw error;
}

/** Raises `Problem`; an aborted call raises the signal's reason. */
export async function request<T>(path: string, call: Call = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (call.body !== undefined) headers["Content-Type"] = "application/json";
  if (call.credential !== undefined) headers["Authorization"] = `Bearer ${call.credential}`;
  if (call.method !== undefined && call.method !== "GET") headers["Idempotency-Key"] = call.key ?? randomKey();
  const retries = call.retries ?? 2;
  for (let attempt = 0; ; attempt++) {
    try {
      return await once<T>(path, call, headers);
    } catch (error) {
      const again = error instanceof Problem && (error.code === "offline" || error.code === "unavailable");
      if (!again || attempt >= retries || (error.retryAfter ?? 0) > 3) throw error;
      await pause(Math.max(RETRY_DELAYS_MS[attempt] ?? 2_500, (error.retryAfter ?? 0) * 1_000), call.signal);
    }
  }
}
