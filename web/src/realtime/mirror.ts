/**
 * This phone's copy of the session's log: takes events in any order, fetches what is missing, and begins anew from the
 * snapshot when the history is another one.
 *
 * Invariants: snapshots are taken one after another; events that arrive meanwhile wait, since their numbers may be of
 * another history.
 */
import { asProblem, type Problem } from "../api/problems";
import type { EventPage, LogEvent, Snapshot } from "../api/types";
import { EMPTY_LOG, fromPlace, hasGap, receive, type SessionLog } from "../session/log";
import type { SessionPicture } from "../session/state";
import { retryInMs } from "./backoff";

/** Where the log is asked for. */
export interface LogSource {
  getSnapshot(): Promise<Snapshot>;
  getEvents(cursor: number): Promise<EventPage>;
  /** The pause before a snapshot is asked for again. */
  wait(ms: number): Promise<void>;
}

export interface MirrorHooks {
  onLog(log: SessionLog): void;
  /** After these were taken. */
  onEvents(events: readonly LogEvent[]): void;
  /** The numbers known so far may be of a history that is over. */
  onAnew(): void;
  /** From here on the numbers are those of the server's history again. */
  onSnapshot(): void;
  onFinal(problem: Problem): void;
}

export class LogMirror {
  private log: SessionLog = EMPTY_LOG;
  private history: string | undefined;
  private stopped = false;
  private fetching = false;
  private resyncing: Promise<void> = Promise.resolve();
  private resyncs = 0;
  private held: LogEvent[] = [];

  constructor(
    private readonly source: LogSource,
    private readonly hooks: MirrorHooks,
  ) {}

  stop(): void {
    this.stopped = true;
  }

  get picture(): SessionPicture | null {
    return this.log.picture;
  }

  get lastSeq(): number {
    return this.log.lastSeq;
  }

  get epoch(): string | undefined {
    return this.history;
  }

  /** Whether this is the server's log up to `head`. */
  reaches(head: number): boolean {
    return this.resyncs === 0 && this.log.lastSeq >= head;
  }

  begin(snapshot: Snapshot): void {
    this.setLog(fromPlace(this.log, snapshot));
  }

  /** The server says that its log, of history `epoch`, ends at `head`. */
  compare(epoch: string, head: number): void {
    const another = this.history !== undefined && epoch !== this.history;
    if (another || head < this.log.lastSeq) void this.resync(true);
    this.history = epoch;
  }

  /** The server says that this phone's numbers cannot be continued. */
  startAnew(epoch: string | null | undefined): void {
    if (epoch) this.history = epoch;
    void this.resync(true);
  }

  takePage(page: EventPage): void {
    const another = this.history !== undefined && page.epoch !== this.history;
    this.history = page.epoch;
    if (another) void this.resync(true);
    else this.take(page.events);
  }

  take(events: readonly LogEvent[]): void {
    if (this.resyncs > 0) this.held.push(...events);
    else this.setLog(receive(this.log, events));
    this.hooks.onEvents(events);
    if (hasGap(this.log)) void this.fetchMissing();
  }

  /** The server says its log ends at `lastSeq`; what is missing here is fetched. */
  expect(lastSeq: number): void {
    if (lastSeq > this.log.lastSeq) void this.fetchMissing();
  }

  /** Takes a snapshot; with `force` even one that is older than what is known. */
  resync(force: boolean): Promise<void> {
    this.resyncs += 1;
    this.hooks.onAnew();
    this.resyncing = this.resyncing.then(() => this.takeSnapshot(force));
    return this.resyncing;
  }

  private async fetchMissing(): Promise<void> {
    if (this.fetching || this.stopped) return;
    this.fetching = true;
    try {
      const page = await this.source.getEvents(this.log.lastSeq);
      if (!this.stopped) this.takePage(page);
    } catch {
      // The next pong, event or poll shows the same gap again.
    } finally {
      this.fetching = false;
    }
  }

  private async takeSnapshot(force: boolean): Promise<void> {
    for (let attempt = 0; !this.stopped; attempt++) {
      try {
        const snapshot = await this.source.getSnapshot();
        this.resyncs -= 1;
        if (this.stopped) return;
        this.setLog(fromPlace(this.log, snapshot, force));
        if (this.resyncs > 0) return;
        this.hooks.onSnapshot();
        this.take(this.held.splice(0));
        return;
      } catch (error) {
        const problem = asProblem(error);
        if (!problem.inconclusive) return this.hooks.onFinal(problem);
        await this.source.wait(retryInMs(attempt, problem));
      }
    }
  }

  private setLog(log: SessionLog): void {
    if (log === this.log) return;
    this.log = log;
    this.hooks.onLog(log);
  }
}
