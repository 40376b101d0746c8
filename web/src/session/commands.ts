/**
 * Commands on their way. Each has one id for ever: it is sent again with that id, over whichever way is open, until the log
 * shows its event, the server accepts it without one, or it is refused. The server makes repeats harmless.
 */
import { Problem } from "../api/problems";
import type { GameCommand } from "../api/types";
import { randomUuid } from "../ids";

export interface PendingCommand {
  id: string;
  command: GameCommand;
  sentAt: number | null;
  firstAt: number;
}

interface Waiting extends PendingCommand {
  resolve: () => void;
  reject: (problem: Problem) => void;
}

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

  /** Resolves once the command has taken effect (or needed none). Raises Problem when refused or given up. */
  submit(command: GameCommand): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry: Waiting = { id: this.newId(), command, sentAt: null, firstAt: this.now(), resolve, reject };
      this.waiting.set(entry.id, entry);
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

  /** The server refused. A transient refusal keeps the command: the next tick sends it again. */
  refuse(commandId: string | null, problem: Problem): void {
    if (commandId === null) return;
    const entry = this.waiting.get(commandId);
    if (entry === undefined) return;
    if (problem.transient) {
      const wait = Math.min(Math.max((problem.retryAfter ?? 1) * 1_000, 500), 20_000);
      entry.sentAt = this.now() - RESEND_AFTER_MS + wait;
      return;
    }
    this.waiting.delete(commandId);
    entry.reject(problem);
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
      } else if (entry.sentAt === null || now - entry.sentAt >= RESEND_AFTER_MS) {
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

  private trySend(entry: Waiting): void {
    entry.sentAt = this.send(entry) ? this.now() : null;
  }
}
