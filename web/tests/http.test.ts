import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { request, serverNow } from "../src/api/http";
import { readProblem } from "../src/api/problems";
import { randomKey, randomUuid } from "../src/ids";

type Answer = Response | Error;
const calls: { path: string; headers: Record<string, string>; body: unknown }[] = [];

function serve(...answers: Answer[]): void {
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    calls.push({ path, headers: init.headers as Record<string, string>, body: init.body });
    const answer = answers.shift() ?? new Error("nothing left to answer");
    if (answer instanceof Error) throw answer;
    return answer;
  });
}

const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers });

beforeEach(() => {
  calls.length = 0;
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function settle<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  await vi.runAllTimersAsync();
  return promise;
}

test("after a network failure the same request goes out with the same key", async () => {
  serve(new TypeError("network"), json(502, "no upstream"), json(201, { ok: true }));
  await expect(settle(request("/x", { method: "POST", body: { a: 1 } }))).resolves.toEqual({ ok: true });
  const keys = calls.map((call) => call.headers["Idempotency-Key"]);
  expect(calls).toHaveLength(3);
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]?.length).toBeGreaterThanOrEqual(22);
});

test("a refusal is not asked twice and keeps its code, wait and trace", async () => {
  serve(json(429, { code: "rate_limited", trace_id: "t1" }, { "retry-after": "30" }));
  await expect(settle(request("/x", { method: "POST" }))).rejects.toMatchObject({
    code: "rate_limited",
    retryAfter: 30,
    traceId: "t1",
  });
  expect(calls).toHaveLength(1);
});

test("a long Retry-After of 503 is told to the guest instead of waited for", async () => {
  serve(json(503, { code: "pairing_disabled" }), json(503, { code: "unavailable" }, { "retry-after": "20" }));
  await expect(settle(request("/x"))).rejects.toMatchObject({ code: "pairing_disabled" });
  await expect(settle(request("/x"))).rejects.toMatchObject({ code: "unavailable", retryAfter: 20 });
  expect(calls).toHaveLength(2);
});

test("the credential goes into the header, reads carry no key", async () => {
  serve(json(200, {}));
  await settle(request("/x", { credential: "secret" }));
  expect(calls[0]?.headers["Authorization"]).toBe("Bearer secret");
  expect(calls[0]?.headers["Idempotency-Key"]).toBeUndefined();
  expect(calls[0]?.path).not.toContain("secret");
});

test("without any network the problem is called offline", async () => {
  serve(new TypeError("a"), new TypeError("b"), new TypeError("c"));
  await expect(settle(request("/x"))).rejects.toMatchObject({ code: "offline" });
});

test("the server's clock is followed when the phone's is off", async () => {
  serve(json(200, {}, { date: new Date(Date.now() + 300_000).toUTCString() }));
  await settle(request("/x"));
  expect(Math.abs(serverNow() - Date.now() - 300_000)).toBeLessThan(2_000);
  serve(json(200, {}, { date: new Date(Date.now()).toUTCString() }));
  await settle(request("/x"));
  expect(serverNow()).toBe(Date.now());
});

test("the date of an answer that a cache may have kept is not the time", async () => {
  serve(json(200, {}, { date: new Date(Date.now() - 3_600_000).toUTCString() }));
  await settle(request("/x", { cache: "default" }));
  expect(serverNow()).toBe(Date.now());
});

test("an answer that is cut off on its way is no answer, one that is no JSON is an odd one", async () => {
  const cut = new ReadableStream({
    start(body) {
      body.enqueue(new TextEncoder().encode('{"session"'));
      body.error(new TypeError("network"));
    },
  });
  serve(new Response(cut, { status: 201 }));
  await expect(settle(request("/x", { retries: 0 }))).rejects.toMatchObject({ code: "offline" });
  serve(new Response("<html>", { status: 200 }));
  await expect(settle(request("/x", { retries: 0 }))).rejects.toMatchObject({ code: "unexpected", inconclusive: true });
});

test("answers that are no problem document get a code all the same", () => {
  expect(readProblem(500, null).code).toBe("unexpected");
  expect(readProblem(504, "<html>").code).toBe("unavailable");
  expect(readProblem(429, {}).code).toBe("rate_limited");
  expect(readProblem(400, { code: "from_the_future" }).code).toBe("unexpected");
});

test("ids are random and well-formed, also where randomUUID is missing", () => {
  const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  expect(randomUuid()).toMatch(pattern);
  vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
  expect(randomUuid()).toMatch(pattern);
  expect(new Set(Array.from({ length: 50 }, randomKey)).size).toBe(50);
  expect(randomKey()).toMatch(/^[\w-]{32}$/);
});
