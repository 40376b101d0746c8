"""The way through the house for every command: head, decide, append, then tell whoever waits.

Invariants:
- Commands of one session in this process are decided one after another; across processes the store's guard decides.
- A refusal decided on a remembered head is decided again on a fresh one before anybody is told.
- Remembered heads only save reading: what is written is guarded by ``last_seq`` whatever they say, and what was decided
  in another history of the database (its epoch) is decided again.
- A limit is reached at its instant: a command that comes later first records the end, then is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

import asyncpg

from session_api.analytics.domain import analytics_of
from session_api.analytics.metrics import count_milestones, count_play
from session_api.play.domain.commands import ReleaseWishes
from session_api.play.domain.decks import SetNotLoaded
from session_api.play.shelf import QuestionShelf
from session_api.sessions import queries
from session_api.sessions.domain.commands import (
    CancelPairing,
    Command,
    EndAtLimit,
    RenewCredential,
    ReplacePairingCode,
)
from session_api.sessions.domain.decider import Refusal, decide, evolve, record
from session_api.sessions.domain.events import SYSTEM, PartnerJoined, Recorded
from session_api.sessions.domain.facts import facts_of
from session_api.sessions.domain.lifecycle import ENDED
from session_api.sessions.domain.roster import AheadOfRoster, standing
from session_api.sessions.domain.state import SessionState
from session_api.sessions.domain.views import view_event
from session_api.sessions.errors import StoreUnavailable, session_not_found
from session_api.sessions.lanes import StoreLanes
from session_api.sessions.queries import CommandRecord, Head
from session_api.sessions.store import Append
from twotop_common.contracts.session_log import LogHint
from twotop_common.messaging.outbox import outbox_record
from twotop_common.service_defaults import idempotency
from twotop_common.service_defaults.telemetry import inject

HEADS_REMEMBERED = 20_000
ROSTER_WAIT_S = 1.0
ROSTER_LOOK_S = 0.02
MAX_DECISIONS = 200


@dataclass(frozen=True, slots=True)
class Request:
    """One command with its idempotency key.

    ``participant_id`` and ``generation`` come from a verified credential; both None for another service. With
    ``expected_seq`` the command is only decided on exactly that head.
    """

    session_id: UUID
    key: str
    body_hash: bytes
    command: Command
    participant_id: UUID | None = None
    generation: int = 0
    command_id: str | None = None
    expected_seq: int | None = None

    @property
    def actor(self) -> str:
        return SYSTEM if self.participant_id is None else str(self.participant_id)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the command caused, now or (``replayed``) when its key was first used; no events for a no-op."""

    events: Sequence[Recorded]
    last_seq: int
    state: SessionState
    replayed: bool


class SeqConflict(Exception):
    """The head is not the one that the phone decided on."""

    def __init__(self, state: SessionState) -> None:
        super().__init__(state.last_seq)
        self.state = state


class Changes:
    """Wakes those who wait for a session's next event in this process.

    ``watch`` first, then look, then wait: what is appended in between is not slept through.
    """

    def __init__(self) -> None:
        # Weak: an event is gone with the last who waits for it.
        self._waiting: WeakValueDictionary[UUID, asyncio.Event] = WeakValueDictionary()

    def watch(self, session_id: UUID) -> asyncio.Event:
        """Set by the next append of this session in this process."""
        event = self._waiting.get(session_id)
        if event is None:
            event = self._waiting[session_id] = asyncio.Event()
        return event

    def notify(self, session_id: UUID) -> None:
        event = self._waiting.pop(session_id, None)
        if event is not None:
            event.set()


class SessionLog:
    """Commands in, outcomes out. One per process."""

    def __init__(
        self,
        *,
        pool: asyncpg.Pool[Any],
        store: StoreLanes,
        now: Callable[[], datetime],
        shelf: QuestionShelf,
        publish_hint: Callable[[LogHint], bool],
        wake_relay: Callable[[], None],
        epoch: Callable[[], str],
    ) -> None:
        self._pool = pool
        self._store = store
        self._now = now
        self._shelf = shelf
        self._publish_hint = publish_hint
        self._wake_relay = wake_relay
        self._epoch = epoch
        self._heads: OrderedDict[UUID, Head] = OrderedDict()
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()
        self.changes = Changes()

    async def execute(self, request: Request) -> Outcome:
        """Run one command.

        Raises Refusal, SeqConflict, StoreUnavailable, or a Problem: ``session_not_found``, ``idempotency_mismatch``.
        A credential that is ahead of the roster is waited for, then refused as ``not_a_participant``.
        """
        deadline = asyncio.get_running_loop().time() + ROSTER_WAIT_S
        lock = self._locks.get(request.session_id)
        if lock is None:
            lock = self._locks[request.session_id] = asyncio.Lock()
        while True:
            try:
                async with lock:
                    return await self._execute(request)
            except AheadOfRoster:
                if asyncio.get_running_loop().time() >= deadline:
                    raise Refusal("not_a_participant") from None
                await wait_for(self.changes.watch(request.session_id), ROSTER_LOOK_S)

    async def _execute(self, request: Request) -> Outcome:
        # Another service's word is no activity, so its deadline must be reckoned from the newest one.
        head = None if request.participant_id is None else self._remembered(request.session_id)
        for tries in range(MAX_DECISIONS):
            fresh = head is None
            if head is None:
                head, earlier = await self._load(request)
                if earlier is not None:
                    outcome = await self._replay(request, head.state, earlier)
                    if tries:
                        # Perhaps our own append, whose commit a lost connection kept from us: nobody was told yet.
                        self.tell(outcome.state, outcome.events)
                    return outcome
            now = self._now()
            try:
                written = await self._decide_and_append(request, head, now, fresh=fresh)
            except SetNotLoaded as missing:
                # Another process began this game with a version that came in the last seconds.
                if await self._shelf.fetch(missing.context, missing.version) is None:
                    raise
                continue
            except (Refusal, SeqConflict, AheadOfRoster):
                if fresh:
                    raise
                written = None
            if written is not None:
                return written
            head = None
        raise StoreUnavailable

    async def _decide_and_append(self, request: Request, head: Head, now: datetime, *, fresh: bool) -> Outcome | None:
        """None when the head was not the last one. Raises Refusal, SeqConflict, AheadOfRoster."""
        state = head.state
        due = None if state.state in ENDED else state.due(head.active_at)
        is_due = due is not None and now >= due.at
        if due is not None and is_due and not isinstance(request.command, EndAtLimit):
            if not fresh:
                return None
            await self._append(request.session_id, head, EndAtLimit(due.limit), now)
            return None
        if request.participant_id is not None:
            standing(state, request.participant_id, request.generation)
        if request.expected_seq is not None and request.expected_seq != state.last_seq:
            raise SeqConflict(state)
        decided = decide(state, request.command, request.participant_id, shelf=self._shelf)
        if not decided and isinstance(request.command, ReleaseWishes):
            # Were it stored, its key would keep this head from a release that the next absence allows.
            return Outcome((), state.last_seq, state, replayed=False)
        return await self._write(request, head, record(state, decided, now, request.actor, request.command_id), now)

    async def _append(self, session_id: UUID, head: Head, command: EndAtLimit, now: datetime) -> None:
        request = Request(session_id, f"limit:{head.state.last_seq}", b"", command)
        decided = decide(head.state, command, None)
        await self._write(request, head, record(head.state, decided, now, SYSTEM, None), now)

    async def _write(self, request: Request, head: Head, recorded: Sequence[Recorded], now: datetime) -> Outcome | None:
        after = head.state
        for entry in recorded:
            after = evolve(after, entry)
        facts = facts_of(head.state, head.active_at, recorded, after, now)
        active_at = max(head.active_at, now) if _is_activity(request, recorded) else head.active_at
        item = Append(
            expected_seq=head.state.last_seq,
            actor=request.actor,
            key=request.key,
            body_hash=request.body_hash,
            events=recorded,
            after=after,
            active_at=active_at,
            outbox=[outbox_record(fact, subject=str(after.session_id), source="session-api") for fact in facts],
            analytics=analytics_of(head.state.play, recorded, after),
            epoch=head.epoch,
        )
        self._heads.pop(request.session_id, None)
        if not await self._store.append(item):
            return None
        self._remember(replace(head, state=after, active_at=active_at))
        count_milestones(item.analytics)
        count_play(head.state, recorded, after)
        self.tell(after, recorded, messages=bool(item.outbox))
        return Outcome(recorded, after.last_seq, after, replayed=False)

    def tell(
        self,
        state: SessionState,
        recorded: Sequence[Recorded],
        *,
        messages: bool = True,
    ) -> None:
        """After a commit: the relay, those who wait here, and (as a hint) every gateway."""
        if messages:
            self._wake_relay()
        if recorded:
            self.changes.notify(state.session_id)
            hint = LogHint(
                session_id=state.session_id,
                epoch=self._epoch(),
                last_seq=state.last_seq,
                events=tuple(view_event(entry) for entry in recorded),
                traceparent=inject(),
            )
            self._publish_hint(hint)

    async def _load(self, request: Request) -> tuple[Head, CommandRecord | None]:
        async with self._pool.acquire() as connection:
            epoch = self._epoch()
            head, earlier = await queries.find_head_and_command(
                connection, request.session_id, request.actor, request.key
            )
        if head is None:
            raise session_not_found()
        return replace(head, epoch=epoch), earlier

    async def _replay(self, request: Request, state: SessionState, earlier: CommandRecord) -> Outcome:
        if earlier.body_hash != request.body_hash:
            raise idempotency.mismatch()
        if request.participant_id is not None:
            # A renewal is repeated with the very credential that it revoked.
            renewed = 1 if isinstance(request.command, RenewCredential) else 0
            standing_or_ended(state, request.participant_id, request.generation + renewed)
        events: Sequence[Recorded] = ()
        if earlier.first_seq is not None:
            async with self._pool.acquire() as connection:
                events = await queries.events_between(
                    connection, request.session_id, earlier.first_seq, earlier.last_seq
                )
        return Outcome(events, state.last_seq, state, replayed=True)

    async def head(self, session_id: UUID) -> Head:
        """The head as the database has it, with a limit that fell due recorded. Raises ``session_not_found``."""
        while True:
            async with self._pool.acquire() as connection:
                epoch = self._epoch()
                found = await queries.find_head(connection, session_id)
            if found is None:
                raise session_not_found()
            head = replace(found, epoch=epoch)
            now = self._now()
            if head.state.state in ENDED or now < (due := head.state.due(head.active_at)).at:
                return head
            await self._append(session_id, head, EndAtLimit(due.limit), now)

    async def events_after(self, session_id: UUID, cursor: int, limit: int, wait_s: float) -> list[Recorded]:
        """Events after ``cursor``; with none yet, waits up to ``wait_s`` and looks again every second."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while True:
            changed = self.changes.watch(session_id)
            async with self._pool.acquire() as connection:
                events = await queries.events_after(connection, session_id, cursor, limit=limit)
            left = until - loop.time()
            if events or left <= 0:
                return events
            await wait_for(changed, min(1.0, left))

    def forget(self, session_id: UUID) -> None:
        """Drop the remembered head: it was changed past this log."""
        self._heads.pop(session_id, None)

    def _remembered(self, session_id: UUID) -> Head | None:
        head = self._heads.get(session_id)
        return head if head is not None and head.epoch == self._epoch() else None

    def _remember(self, head: Head) -> None:
        self._heads[head.state.session_id] = head
        if len(self._heads) > HEADS_REMEMBERED:
            self._heads.popitem(last=False)


def _is_activity(request: Request, recorded: Sequence[Recorded]) -> bool:
    """Whether guests did this (S5): themselves, or through pairing by joining, asking for a code or going on alone."""
    if request.participant_id is not None or any(isinstance(entry.event, PartnerJoined) for entry in recorded):
        return True
    # A word of pairing that changes nothing is late or a repeat: the guest's act it tells of was counted in its time.
    return bool(recorded) and isinstance(request.command, ReplacePairingCode | CancelPairing)


async def wait_for(event: asyncio.Event, timeout_s: float) -> None:
    """Until it is set, at most ``timeout_s``."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()


def standing_or_ended(state: SessionState, participant_id: UUID, generation: int) -> None:
    """As ``standing``; a replay of one's own last command is answered also after the place or session ended."""
    member = state.participant(participant_id)
    if member is None:
        raise Refusal("not_a_participant")
    if member.present and generation < member.generation:
        raise Refusal("credential_invalid")
