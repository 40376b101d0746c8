/**
 * Tries and the waits between them, cut short when the network or the page comes back: a guest looks at the screen then.
 * While nobody looks, waits do not end.
 */
import { Problem } from "../api/problems";

/** A try that has taken longer than this was most likely sent into the void. */
export const HUNG_MS = 2_500;

interface Try {
  stopper: AbortController;
  since: number;
}

export class Patience {
  private trying: Try | null = null;
  private endWait: (() => void) | null = null;
  private asleep = false;
  private woken = false;

  constructor(private readonly now: () => number = () => Date.now()) {}

  /** Runs `action`, which stops when its signal says so: given up by `wake`, it is as good as no network. */
  async try<T>(action: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.woken = false;
    const trying = { stopper: new AbortController(), since: this.now() };
    this.trying = trying;
    try {
      return await action(trying.stopper.signal);
    } catch (error) {
      throw trying.stopper.signal.aborted ? new Problem("offline", 0) : error;
    } finally {
      if (this.trying === trying) this.trying = null;
    }
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      // What was given up because the network is back is tried again now.
      if (this.woken) {
        this.woken = false;
        return resolve();
      }
      const timer = setTimeout(() => {
        if (!this.asleep) resolve();
      }, ms);
      this.endWait = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  sleep(): void {
    this.asleep = true;
  }

  wake(): void {
    this.asleep = false;
    this.endWait?.();
    this.endWait = null;
    const { trying } = this;
    if (trying === null) return;
    if (this.now() - trying.since >= HUNG_MS) this.giveUp(trying);
    else setTimeout(() => this.giveUp(trying), HUNG_MS);
  }

  private giveUp(trying: Try): void {
    if (this.trying !== trying) return;
    this.woken = true;
    trying.stopper.abort();
  }
}
