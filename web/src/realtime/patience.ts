/**
 * Tries and the waits between them, cut short when the network or the page comes back: a guest looks at the screen then.
 */

/** A try that has taken longer than this was most likely sent into the void. */
export const HUNG_MS = 2_500;

export class Patience {
  private trying: { stopper: AbortController; since: number } | null = null;
  private endWait: (() => void) | null = null;

  constructor(private readonly now: () => number = Date.now) {}

  /** Runs `action`, which stops when its signal says so. */
  async try<T>(action: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const trying = { stopper: new AbortController(), since: this.now() };
    this.trying = trying;
    try {
      return await action(trying.stopper.signal);
    } finally {
      if (this.trying === trying) this.trying = null;
    }
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.endWait = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  wake(): void {
    this.endWait?.();
    this.endWait = null;
    if (this.trying !== null && this.now() - this.trying.since >= HUNG_MS) this.trying.stopper.abort();
  }
}
