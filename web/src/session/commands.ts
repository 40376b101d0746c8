/**
 * Commands on their way. Each has one id for ever: it is sent again with that id, over whichever way is open, until the log
 * shows its event, the server accepts it without one, it is refused, or it is not meant any more. The server makes repeats
 * harmless.
 */
import { Problem } from "../api/problems";
import type { GameCommand } from "../api/types";
import { randomUuid } from "../ids";

export interface PendingCommand {
  id: string;
  command: GameCommand;
}

interface Waiting extends PendingCommand {
  firstAt: number;
  /** Since when an answer is awaited; null while none can come. */
  sentAt: number | null;
  /** When it may go out again. */
  againAt: number;
  isOver: () => boolean;
  resolve: () => void;
  reject: (problem: Problem) => void;
}

/** Unanswered for this long, a command makes one doubt the way it went. */
export const DOUBT_AFTER_MS = 2_000;
/** Unanswered for this long, a command is sent again. */
export const RESEND_AFTER_MS = 6_000;
/** Unanswered for this long, the guest is told; a late effect still shows through the log. */
export const GIVE_UP_AFTER_MS = 60_000;

export class CommandQueue {
  private readonly waiting = new Map<string, Waiting>();

  constructor(
    private readonly send: (pending: PendingCommand) => boolean,
    private readonly now: () => number = Date.now,
    private readonly newId: () => string = randomUuid,
  ) {}

  get pending(): readonly PendingCommand[] {
    return [...this.waiting.values()];
  }

  /** A command went out a while ago, and nothing came back. */
  get doubtful(): boolean {
    const before = this.now() - DOUBT_AFTER_MS;
    return [...this.waiting.values()].some(({ sentAt }) => sentAt !== null && sentAt <= before);
  }

  /**
   * Resolves once the command has taken effect (or needed none), or `isOver` says that it is not meant any more. Raises
   * Problem when refused or given up.
   */
  submit(command: GameCommand, isOver: () => boolean = () => false): Promise<void> {
    return new Promise((resolve, reject) => {
      const now = this.now();
      const id = this.newId();
      const entry: Waiting = { id, command, firstAt: now, sentAt: null, againAt: now, isOver, resolve, reject };
      this.waiting.set(id, entry);
      this.trySend(entry);
    });
  }

  /** An event or an `accepted` with this id came. */
  acknowledge(commandId: string | null): void {
    if (commandId === null) return;
    const entry = this.waiting.get(commandId);
    this.waiting.delete(commandId);
    entry?.resolve();
  }

  /** The server refused. A transient refusal keeps the command: a later tick sends it again. */
  refuse(commandId: string | null, problem: Problem): void {
    if (commandId === null) return;
    const entry = this.waiting.get(commandId);
    if (entry === undefined) return;
    if (problem.transient) {
      entry.sentAt = null;
      entry.againAt = this.now() + Math.min(Math.max((problem.retryAfter ?? 1) * 1_000, 500), 20_000);
      return;
    }
    this.waiting.delete(commandId);
    entry.reject(problem);
  }

  /** The table moved on: what was meant for what lay there before is no longer asked for, and nobody need be told. */
  settleWhatIsOver(): void {
    this.settle((entry) => entry.isOver());
  }

  /** Nobody waits for an answer any more. */
  settleAll(): void {
    this.settle(() => true);
  }

  /** A way to the server opened: everything unanswered goes out again at once. */
  resend(): void {
    for (const entry of this.waiting.values()) this.trySend(entry);
  }

  /** Called about once a second. */
  tick(): void {
    const now = this.now();
    for (const entry of [...this.waiting.values()]) {
      if (now - entry.firstAt >= GIVE_UP_AFTER_MS) {
        this.waiting.delete(entry.id);
        entry.reject(new Problem("unanswered", 0));
      } else if (now >= entry.againAt) {
        this.trySend(entry);
      }
    }
  }

  /** The session is over for this phone: nothing will be answered any more. */
  drop(problem: Problem): void {
    for (const entry of [...this.waiting.values()]) {
      this.waiting.delete(entry.id);
      entry.reject(problem);
    }
  }

  private settle(which: (entry: Waiting) => boolean): void {
    for (const entry of [...this.waiting.values()].filter(which)) this.acknowledge(entry.id);
  }

  private trySend(entry: Waiting): void {
    const now = this.now();
    const sent = this.send(entry);
    entry.againAt = sent ? now + RESEND_AFTER_MS : now;
    entry.sentAt = sent ? now : null;
  }
}
