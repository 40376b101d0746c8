/**
 * Follows one session and speaks for this phone in it: snapshot first, then the socket, with polling whenever the socket
 * does not come up. Both feed the same log, so changing over loses and doubles nothing. Commands take whichever way is open.
 *
 * Invariants: no command goes out before this phone has what it missed, since by then it may not be meant any more; while
 * nobody looks at the page, nothing is tried, and its socket is closed: for the partner this phone is then away.
 */
import { getEvents, getSnapshot, postCommand } from "../api/client";
import { asProblem, Problem, readProblem } from "../api/problems";
import type { EventPage, GameCommand, LogEvent, PresenceEntry, Snapshot } from "../api/types";
import { CommandQueue, type PendingCommand } from "../session/commands";
import type { SavedSession } from "../session/credentials";
import type { SessionLog } from "../session/log";
import { isOver } from "../session/meant";
import { hasEnded } from "../session/state";
import { retryInMs } from "./backoff";
import type { ServerFrame } from "./frames";
import { LogMirror } from "./mirror";
import { watchPage } from "./page";
import { Patience } from "./patience";
import { Poller } from "./polling";
import { SessionSocket, type SocketState, socketUrl } from "./socket";

/** What the guest is told about the connection. */
export type Connection = "connecting" | "live" | "polling" | "reconnecting" | "offline" | "replaced" | "ended";

export interface FollowHooks {
  onLog(log: SessionLog): void;
  onConnection(connection: Connection): void;
  onPresence(participants: PresenceEntry[]): void;
  /** This phone cannot go on in this session; the connection is closed for good. */
  onFinal(problem: Problem): void;
}

const FINAL_CODES: Record<number, Problem> = {
  4401: new Problem("credential_invalid", 401),
  4403: new Problem("not_a_participant", 403),
  4404: new Problem("session_not_found", 404),
};
const POLL_AFTER_FAILURES = 2;
/** A small answer that takes longer than this was asked for without a network. */
const ANSWER_WITHIN_MS = 6_000;
const PAGE_OF_EVENTS = 200;

export class SessionFollower {
  private readonly mirror: LogMirror;
  private stopped = false;
  private readonly patience = new Patience();
  private pollTrouble = false;
  /** Where the server's log ended when the present way to it opened; null while none is open. */
  private head: number | null = null;
  private resent = false;
  private begun = false;
  private asleep = false;
  private pollsWhenAwake = false;
  private stopWatching: () => void = () => undefined;
  private posting = 0;
  private readonly socket: SessionSocket;
  private readonly poller: Poller;
  private readonly commands: CommandQueue;
  private ticker: ReturnType<typeof setInterval> | undefined;
  private socketState: SocketState = "connecting";
  /** Has been open once, or failed once: from then on "connecting" is called "reconnecting". */
  private troubled = false;

  constructor(
    private readonly saved: SavedSession,
    private readonly hooks: FollowHooks,
  ) {
    this.commands = new CommandQueue((pending) => this.sendCommand(pending));
    this.mirror = new LogMirror(
      {
        getSnapshot: () => this.getSnapshot(),
        getEvents: (cursor) => getEvents(saved.session_id, saved.credential, cursor),
        wait: (ms) => this.patience.wait(ms),
      },
      {
        onLog: (log) => this.onLog(log),
        onEvents: (events) => this.onEvents(events),
        onAnew: () => this.onAnew(),
        onSnapshot: () => this.onSnapshot(),
        onFinal: (problem) => this.finish(problem),
      },
    );
    this.socket = new SessionSocket(socketUrl(saved.session_id, location), {
      auth: () => ({
        credential: saved.credential,
        last_seq: this.mirror.lastSeq,
        ...(this.mirror.epoch === undefined ? {} : { epoch: this.mirror.epoch }),
      }),
      onFrame: (frame) => this.onFrame(frame),
      onState: (state, failures, code) => this.onSocketState(state, failures, code),
    });
    this.poller = new Poller({
      cursor: () => this.mirror.lastSeq,
      fetch: (cursor, waitS, signal) =>
        getEvents(saved.session_id, saved.credential, cursor, waitS, {
          signal,
          retries: 0,
          ...(waitS === 0 ? { timeoutMs: ANSWER_WITHIN_MS } : {}),
        }),
      onPage: (page) => this.onPolled(page),
      onTrouble: () => {
        this.pollTrouble = true;
        this.head = null;
        this.showConnection();
      },
      onFinal: (problem) => this.finish(problem),
    });
  }

  start(): void {
    this.stopWatching = watchPage({
      onSleep: () => this.sleep(),
      onSeen: this.wake,
      onOnline: () => this.lookAgain(),
      onOffline: () => this.doubt(),
      // Of a poller a touch asks nothing: every question counts against this phone's rate limit.
      onTouch: () => this.socket.touch(),
    });
    this.ticker = setInterval(() => this.tick(), 1_000);
    this.showConnection();
    void this.begin();
  }

  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.stopWatching();
    clearInterval(this.ticker);
    this.poller.stop();
    this.socket.stop();
    this.mirror.stop();
    this.commands.settleAll();
  }

  /** What the table has moved on from meanwhile is not sent any more, and resolves. */
  submit(command: GameCommand): Promise<void> {
    const given = this.mirror.picture;
    return this.commands.submit(command, () => isOver(command, given, this.mirror.picture));
  }

  /** Somebody looks at this page: it takes the session back from another tab, and tries again now. */
  readonly wake = (): void => {
    if (this.stopped) return;
    if (this.asleep) {
      this.asleep = false;
      this.patience.wake();
      if (this.begun) this.socket.start();
      if (this.pollsWhenAwake) this.poller.start();
      this.showConnection();
    } else {
      if (this.socketState === "replaced") this.socket.start();
      this.lookAgain();
    }
  };

  private sleep(): void {
    if (this.asleep) return;
    this.asleep = true;
    this.pollsWhenAwake = this.poller.running;
    // Nothing has failed: what follows is a new beginning.
    this.troubled = false;
    this.pollTrouble = false;
    this.patience.sleep();
    this.poller.stop();
    this.socket.stop();
  }

  /** The network may be back. A page that nobody looks at leaves the session to the one that has it. */
  private lookAgain(): void {
    if (this.asleep) return;
    this.patience.wake();
    this.socket.wake();
    this.poller.wake();
    this.showConnection();
  }

  /** The network may be gone: ask, since nobody else knows. */
  private doubt(): void {
    this.socket.probe();
    this.poller.probe();
    this.showConnection();
  }

  private tick(): void {
    this.commands.tick();
    const behind = this.head !== null && !this.caughtUp;
    if (this.commands.doubtful || behind) this.doubt();
  }

  /** The socket would bring the whole log too, but the snapshot is one small answer however long the evening is. */
  private async begin(): Promise<void> {
    for (let attempt = 0; !this.stopped; attempt++) {
      try {
        const snapshot = await this.getSnapshot();
        if (this.stopped) return;
        this.mirror.begin(snapshot);
        this.begun = true;
        if (!this.stopped && !this.asleep) this.socket.start();
        return;
      } catch (error) {
        const problem = asProblem(error);
        // A second phone may be a moment ahead of the roster that its own joining is written to.
        const early = problem.code === "not_a_participant" && attempt < 4;
        if (!problem.inconclusive && !early) return this.finish(problem);
        this.pollTrouble = !early;
        this.showConnection();
        await this.patience.wait(retryInMs(attempt, problem));
      }
    }
  }

  private getSnapshot(): Promise<Snapshot> {
    const { session_id, credential } = this.saved;
    return this.patience.try((signal) =>
      getSnapshot(session_id, credential, { signal, retries: 0, timeoutMs: ANSWER_WITHIN_MS }),
    );
  }

  private onSocketState(state: SocketState, failures: number, code: number | null): void {
    this.socketState = state;
    if (this.stopped) return;
    if (state === "final") {
      if (code === 4410) void this.readTheEnd();
      else this.finish((code !== null && FINAL_CODES[code]) || new Problem("unexpected", 0));
      return;
    }
    if (state === "open" || failures > 0) this.troubled = true;
    if (!this.poller.running || state === "open") this.head = null;
    if (state === "open") {
      this.poller.stop();
      this.pollTrouble = false;
    }
    if (state === "replaced") this.poller.stop();
    if (state === "waiting" && failures >= POLL_AFTER_FAILURES) this.poller.start();
    this.showConnection();
  }

  private onFrame(frame: ServerFrame): void {
    switch (frame.type) {
      case "hello":
        this.mirror.compare(frame.epoch, frame.last_seq);
        this.openedAt(frame.last_seq);
        break;
      case "event":
        this.mirror.take([frame.event]);
        break;
      case "presence":
        this.hooks.onPresence(frame.participants);
        break;
      case "accepted":
        this.commands.acknowledge(frame.command_id);
        this.mirror.expect(frame.last_seq);
        break;
      case "rejected":
        this.commands.refuse(frame.command_id, readProblem(Number(frame.problem["status"]) || 0, frame.problem));
        break;
      case "pong":
        this.mirror.expect(frame.last_seq);
        break;
      case "resync":
        this.mirror.startAnew(frame.epoch);
        break;
      case "bye":
        break;
    }
  }

  private onPolled(page: EventPage): void {
    // What brought this page back may bring the socket back.
    if (this.pollTrouble) this.socket.wake();
    this.pollTrouble = false;
    this.mirror.takePage(page);
    if (this.head === null && page.events.length < PAGE_OF_EVENTS) this.openedAt(page.next_cursor);
    this.showConnection();
  }

  private openedAt(head: number): void {
    this.head = head;
    this.resent = false;
    this.resendOnce();
  }

  private get caughtUp(): boolean {
    return this.head !== null && this.mirror.reaches(this.head);
  }

  private resendOnce(): void {
    if (this.resent || !this.caughtUp) return;
    this.resent = true;
    this.commands.resend();
  }

  /** The gateway says the session ended: the snapshot stays readable and says how. */
  private async readTheEnd(): Promise<void> {
    await this.mirror.resync(false);
    this.finish(new Problem("session_closed", 410));
  }

  private onLog(log: SessionLog): void {
    this.hooks.onLog(log);
    this.commands.settleWhatIsOver();
    if (log.picture === null || !hasEnded(log.picture)) return;
    this.commands.drop(new Problem(log.picture.state === "expired" ? "session_expired" : "session_closed", 410));
    this.stop();
    this.hooks.onConnection("ended");
  }

  private onEvents(events: readonly LogEvent[]): void {
    for (const event of events) this.commands.acknowledge(event.command_id);
    this.resendOnce();
  }

  private onAnew(): void {
    if (this.head !== null) this.head = 0;
    this.resent = false;
  }

  /** A poll that waits now was asked for with a number of the history before: it would miss what comes. */
  private onSnapshot(): void {
    if (!this.poller.running) return;
    this.head = null;
    this.poller.wake();
  }

  private finish(problem: Problem): void {
    if (this.stopped) return;
    this.commands.drop(problem);
    this.stop();
    this.hooks.onConnection("ended");
    this.hooks.onFinal(problem);
  }

  private sendCommand(pending: PendingCommand): boolean {
    if (!this.caughtUp) return false;
    if (this.socket.send({ type: "command", command_id: pending.id, command: pending.command })) return true;
    if (!this.poller.running || this.pollTrouble || this.posting > 3) return false;
    this.posting += 1;
    void postCommand(this.saved.session_id, this.saved.credential, pending.id, pending.command)
      .then((result) => {
        if (this.stopped) return;
        this.mirror.take(result.events);
        this.commands.acknowledge(pending.id);
      })
      .catch((error) => this.commands.refuse(pending.id, asProblem(error)))
      .finally(() => {
        this.posting -= 1;
      });
    return true;
  }

  private readonly showConnection = (): void => {
    if (this.stopped) return;
    this.hooks.onConnection(this.connection());
  };

  private connection(): Connection {
    if (this.socketState === "open") return "live";
    if (this.socketState === "replaced") return "replaced";
    if (navigator.onLine === false) return "offline";
    if (this.poller.running && !this.pollTrouble) return "polling";
    return this.pollTrouble || this.troubled ? "reconnecting" : "connecting";
  }
}
