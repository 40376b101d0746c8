/**
 * Follows one session and speaks for this phone in it: snapshot first, then the socket, with polling whenever the socket
 * does not come up. Both feed the same log, so changing over loses and doubles nothing. Commands take whichever way is open.
 */
import { getEvents, getSnapshot, postCommand } from "../api/client";
import { asProblem, Problem, readProblem } from "../api/problems";
import type { EventPage, GameCommand, PresenceEntry, Snapshot } from "../api/types";
import { CommandQueue, type PendingCommand } from "../session/commands";
import type { SavedSession } from "../session/credentials";
import { EMPTY_LOG, fromPlace, hasGap, receive, type SessionLog } from "../session/log";
import { hasEnded } from "../session/state";
import { backoffMs } from "./backoff";
import type { ServerFrame } from "./frames";
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

export class SessionFollower {
  private log: SessionLog = EMPTY_LOG;
  private epoch: string | undefined;
  private stopped = false;
  private fetching = false;
  /** Snapshots are taken one after another; events that arrive meanwhile wait, since their numbers may be of another history. */
  private resyncing: Promise<void> = Promise.resolve();
  private resyncs = 0;
  private held: EventPage["events"] = [];
  private readonly patience = new Patience();
  private pollTrouble = false;
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
    this.socket = new SessionSocket(socketUrl(saved.session_id, location), {
      auth: () => ({
        credential: saved.credential,
        last_seq: this.log.lastSeq,
        ...(this.epoch === undefined ? {} : { epoch: this.epoch }),
      }),
      onFrame: (frame) => this.onFrame(frame),
      onState: (state, failures, code) => this.onSocketState(state, failures, code),
    });
    this.poller = new Poller({
      cursor: () => this.log.lastSeq,
      fetch: (cursor, waitS, signal) =>
        getEvents(saved.session_id, saved.credential, cursor, waitS, { signal, retries: 0 }),
      onPage: (page) => {
        this.pollTrouble = false;
        this.onPage(page);
        this.showConnection();
        this.commands.resend();
      },
      onTrouble: () => {
        this.pollTrouble = true;
        this.showConnection();
      },
      onFinal: (problem) => this.finish(problem),
    });
  }

  start(): void {
    addEventListener("online", this.wake);
    addEventListener("offline", this.doubt);
    addEventListener("pageshow", this.wake);
    document.addEventListener("visibilitychange", this.onVisibility);
    this.ticker = setInterval(() => this.commands.tick(), 1_000);
    this.showConnection();
    void this.begin();
  }

  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    removeEventListener("online", this.wake);
    removeEventListener("offline", this.doubt);
    removeEventListener("pageshow", this.wake);
    document.removeEventListener("visibilitychange", this.onVisibility);
    clearInterval(this.ticker);
    this.poller.stop();
    this.socket.stop();
  }

  submit(command: GameCommand): Promise<void> {
    return this.commands.submit(command);
  }

  /** Take the session back from another tab, or try again now. */
  readonly wake = (): void => {
    if (this.stopped) return;
    this.patience.wake();
    this.socket.wake();
    this.poller.wake();
    this.showConnection();
  };

  /** The browser believes that the network went: ask the socket, which knows. */
  private readonly doubt = (): void => {
    this.socket.probe();
    this.showConnection();
  };

  private readonly onVisibility = (): void => {
    if (document.visibilityState === "visible") this.wake();
  };

  /** The socket would bring the whole log too, but the snapshot is one small answer however long the evening is. */
  private async begin(): Promise<void> {
    for (let attempt = 0; !this.stopped; attempt++) {
      try {
        const snapshot = await this.getSnapshot();
        if (this.stopped) return;
        this.setLog(fromPlace(this.log, snapshot));
        if (!this.stopped) this.socket.start();
        return;
      } catch (error) {
        const problem = asProblem(error);
        // A second phone may be a moment ahead of the roster that its own joining is written to.
        const early = problem.code === "not_a_participant" && attempt < 4;
        if (!problem.transient && problem.code !== "unexpected" && !early) return this.finish(problem);
        this.pollTrouble = !early;
        this.showConnection();
        const wait = Math.max(backoffMs(attempt), (problem.retryAfter ?? 0) * 1_000);
        await this.patience.wait(wait);
      }
    }
  }

  private getSnapshot(): Promise<Snapshot> {
    const { session_id, credential } = this.saved;
    return this.patience
      .try((signal) => getSnapshot(session_id, credential, { signal, retries: 0 }))
      .catch((error) => {
        // Given up by `wake`: as good as no network.
        throw error instanceof Problem ? error : new Problem("offline", 0);
      });
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
        if (this.epoch !== undefined && frame.epoch !== this.epoch) void this.resync(true);
        else if (frame.last_seq < this.log.lastSeq) void this.resync(true);
        this.epoch = frame.epoch;
        this.commands.resend();
        break;
      case "event":
        this.acceptEvents([frame.event]);
        break;
      case "presence":
        this.hooks.onPresence(frame.participants);
        break;
      case "accepted":
        this.commands.acknowledge(frame.command_id);
        this.expect(frame.last_seq);
        break;
      case "rejected":
        this.commands.refuse(frame.command_id, readProblem(Number(frame.problem["status"]) || 0, frame.problem));
        break;
      case "pong":
        this.expect(frame.last_seq);
        break;
      case "resync":
        if (frame.epoch) this.epoch = frame.epoch;
        void this.resync(true);
        break;
      case "bye":
        break;
    }
  }

  private onPage(page: EventPage): void {
    if (this.epoch !== undefined && page.epoch !== this.epoch) {
      this.epoch = page.epoch;
      void this.resync(true);
      return;
    }
    this.epoch = page.epoch;
    this.acceptEvents(page.events);
  }

  private acceptEvents(events: EventPage["events"]): void {
    if (this.resyncs > 0) this.held.push(...events);
    else this.setLog(receive(this.log, events));
    for (const event of events) this.commands.acknowledge(event.command_id);
    if (hasGap(this.log)) void this.fetchMissing();
  }

  /** The server says its log ends at `lastSeq`; what is missing here is fetched. */
  private expect(lastSeq: number): void {
    if (lastSeq > this.log.lastSeq) void this.fetchMissing();
  }

  private async fetchMissing(): Promise<void> {
    if (this.fetching || this.stopped) return;
    this.fetching = true;
    try {
      const page = await getEvents(this.saved.session_id, this.saved.credential, this.log.lastSeq);
      if (!this.stopped) this.onPage(page);
    } catch {
      // The next pong, event or poll shows the same gap again.
    } finally {
      this.fetching = false;
    }
  }

  private resync(force: boolean): Promise<void> {
    this.resyncs += 1;
    this.resyncing = this.resyncing.then(() => this.takeSnapshot(force));
    return this.resyncing;
  }

  private async takeSnapshot(force: boolean): Promise<void> {
    for (let attempt = 0; !this.stopped; attempt++) {
      try {
        const snapshot = await this.getSnapshot();
        this.resyncs -= 1;
        if (this.stopped) return;
        this.setLog(fromPlace(this.log, snapshot, force));
        if (this.resyncs === 0) this.acceptEvents(this.held.splice(0));
        return;
      } catch (error) {
        const problem = asProblem(error);
        if (!problem.transient) return this.finish(problem);
        await this.patience.wait(backoffMs(attempt));
      }
    }
  }

  /** The gateway says the session ended: the snapshot stays readable and says how. */
  private async readTheEnd(): Promise<void> {
    await this.resync(false);
    this.finish(new Problem("session_closed", 410));
  }

  private setLog(log: SessionLog): void {
    if (log === this.log) return;
    this.log = log;
    this.hooks.onLog(log);
    if (log.picture === null || !hasEnded(log.picture)) return;
    this.commands.drop(new Problem(log.picture.state === "expired" ? "session_expired" : "session_closed", 410));
    this.stop();
    this.hooks.onConnection("ended");
  }

  private finish(problem: Problem): void {
    if (this.stopped) return;
    this.commands.drop(problem);
    this.stop();
    this.hooks.onConnection("ended");
    this.hooks.onFinal(problem);
  }

  private sendCommand(pending: PendingCommand): boolean {
    if (this.socket.send({ type: "command", command_id: pending.id, command: pending.command })) return true;
    if (!this.poller.running || this.pollTrouble || this.posting > 3) return false;
    this.posting += 1;
    void postCommand(this.saved.session_id, this.saved.credential, pending.id, pending.command)
      .then((result) => {
        if (this.stopped) return;
        this.acceptEvents(result.events);
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
