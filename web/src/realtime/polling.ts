/**
 * Following a session over plain HTTP: from a cursor, by long-poll, for as long as it is not stopped. The same code serves
 * the app when sockets fail and the demo page of a polling client.
 */
import { asProblem, type Problem } from "../api/problems";
import type { EventPage } from "../api/types";
import { retryInMs } from "./backoff";
import { HUNG_MS } from "./patience";

export interface PollHooks {
  cursor(): number;
  /** Events after `cursor`, at once or after waiting up to `waitS` seconds for one. */
  fetch(cursor: number, waitS: number, signal: AbortSignal): Promise<EventPage>;
  /** Nothing is asked before it is through: it may move the cursor. One that fails is a question that failed. */
  onPage(page: EventPage): void | Promise<void>;
  /** After a failure that may pass: polling goes on by itself. */
  onTrouble(problem: Problem): void;
  /** After one that will not: polling has stopped. */
  onFinal(problem: Problem): void;
}

export const WAIT_S = 20;
const FINAL = new Set(["credential_invalid", "credential_expired", "not_a_participant", "session_not_found"]);

export class Poller {
  private stopper: AbortController | null = null;
  /** Since when the server has been asked to wait for news; null while it is asked for an answer at once. */
  private waitingSince: number | null = null;

  constructor(
    private readonly hooks: PollHooks,
    private readonly pause: (ms: number, signal: AbortSignal) => Promise<void> = sleep,
    private readonly now: () => number = Date.now,
  ) {}

  get running(): boolean {
    return this.stopper !== null;
  }

  start(): void {
    if (this.stopper !== null) return;
    this.stopper = new AbortController();
    void this.run(this.stopper);
  }

  stop(): void {
    this.stopper?.abort();
    this.stopper = null;
    this.waitingSince = null;
  }

  /** The network or the page is back: ask now. */
  wake(): void {
    if (!this.running) return;
    this.stop();
    this.start();
  }

  /** Finds out whether a question that waits for news is still heard: asks for an answer at once instead. */
  probe(): void {
    if (this.waitingSince !== null && this.now() - this.waitingSince >= HUNG_MS) this.wake();
  }

  private async run(stopper: AbortController): Promise<void> {
    const { signal } = stopper;
    let failures = 0;
    let waitS = 0;
    while (!signal.aborted) {
      this.waitingSince = waitS > 0 ? this.now() : null;
      try {
        const page = await this.hooks.fetch(this.hooks.cursor(), waitS, signal);
        if (signal.aborted) return;
        await this.hooks.onPage(page);
        failures = 0;
        waitS = WAIT_S;
      } catch (error) {
        if (signal.aborted) return;
        const problem = asProblem(error);
        if (FINAL.has(problem.code)) {
          this.stopper = null;
          this.hooks.onFinal(problem);
          return;
        }
        this.hooks.onTrouble(problem);
        waitS = 0;
        await this.pause(retryInMs(failures++, problem), signal);
      }
    }
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
