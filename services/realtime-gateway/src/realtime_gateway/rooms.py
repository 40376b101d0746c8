"""Rooms: the live sessions of this instance, and the delivery of their log to the phones in them.

Invariants (see also ``domain.log_order``):
- Every event a phone is sent comes in order of ``seq``, once, without a gap. Hints, answers to commands and what the
  room fetches all go through ``RoomLog.offer``; it does not matter which of them brings an event first.
- An event is the same for all who were on the roster when it happened, and may be less for whoever joined later. So
  what a recovering phone fetched is for that phone alone, and the room fetches with the live phone that has been sent
  least: whatever another one still lacks happened after both had joined. Where even that phone is ahead of the room,
  nobody lacks what lies between, and the room goes on from there.
- A room exists while somebody uses it, and its shard is bound before anything is fetched for it.
- At most one fetch per room is under way. A room that is behind is fetched at once, again after a pause when
  session-api cannot answer, and in any case found by the next comparison of heads.
- The roster is enforced after the events that changed it were sent: the one who leaves still learns why.
- Delivery never awaits: a slow phone is the business of its wire.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from realtime_gateway import metrics
from realtime_gateway.domain.awaiting import awaiting_after
from realtime_gateway.domain.closing import Closing
from realtime_gateway.domain.log_order import RoomLog
from realtime_gateway.domain.presence import Presence
from realtime_gateway.domain.roster import Roster
from realtime_gateway.errors import OwnerUnavailable, SocketRefused
from realtime_gateway.owner import Owner
from realtime_gateway.phone import Delivered, Phone
from realtime_gateway.schemas import event_frame, presence_frame, resync_frame
from twotop_common.contracts.session_log import EventView, LogHint, shard_of
from twotop_common.messaging.connection import BrokerUnavailable
from twotop_common.service_defaults.logging import get_logger
from twotop_common.service_defaults.telemetry import SpanKind, continue_from, span

log = get_logger(__name__)

# 58 kB of ids: session-api refuses bodies beyond 64 kB.
HEADS_PER_CALL = 1_500
FETCH_PAUSES_S = (0.05, 0.2, 0.5, 1.0, 2.0)


class Shards(Protocol):
    """The fan-out as rooms need it."""

    async def bind(self, shard: str) -> None:
        """Raises BrokerUnavailable; the shard is then bound on reconnection."""

    async def unbind(self, shard: str) -> None: ...


@dataclass(slots=True, eq=False)
class Room:
    """One session on this instance. ``users`` counts sockets from before their admission until after their end."""

    session_id: UUID
    epoch: str | None = None
    log: RoomLog[Delivered] = field(default_factory=RoomLog)
    roster: Roster = field(default_factory=Roster)
    presence: Presence = field(default_factory=Presence)
    phones: dict[UUID, Phone] = field(default_factory=dict)
    users: int = 0
    fetching: bool = False
    presence_known: bool = False
    awaiting: bool = True

    @property
    def head(self) -> int:
        """The highest seq known to exist."""
        return max(self.log.head, self.log.cursor or 0)

    def follow_wishes(self, events: Iterable[EventView]) -> None:
        """Events in order, up to the newest that the room has."""
        for event in events:
            self.awaiting = awaiting_after(event.type, self.awaiting)

    @property
    def least_told(self) -> Phone | None:
        """The live phone that has been sent least, None while there is none."""
        live = (phone for phone in self.phones.values() if phone.log.live)
        return min(live, key=lambda phone: phone.log.cursor, default=None)


class Rooms:
    """All rooms of this instance."""

    def __init__(self, owner: Owner, shards: Shards, *, on_roster_news: Callable[[UUID], None]) -> None:
        self._owner = owner
        self._shards = shards
        self._rooms: dict[UUID, Room] = {}
        self._rooms_per_shard: Counter[str] = Counter()
        self._bound: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._on_roster_news = on_roster_news

    def get(self, session_id: UUID) -> Room | None:
        return self._rooms.get(session_id)

    def __iter__(self) -> Iterator[Room]:
        return iter(list(self._rooms.values()))

    def phones(self) -> list[Phone]:
        """Every socket in a room, recovering ones included."""
        return [phone for room in self._rooms.values() for phone in room.phones.values()]

    # -- entering and leaving

    async def enter(self, session_id: UUID) -> Room:
        """The session's room, with its shard bound if the broker is there. Balance with ``leave``."""
        shard = shard_of(session_id)
        room = self._rooms.get(session_id)
        if room is None:
            room = self._rooms[session_id] = Room(session_id)
            self._rooms_per_shard[shard] += 1
            metrics.ROOMS.set(len(self._rooms))
        room.users += 1
        if shard not in self._bound:
            # Without the broker the room lives on comparisons of heads, and the shard is bound on reconnection.
            with contextlib.suppress(BrokerUnavailable):
                await self._shards.bind(shard)
                self._bound.add(shard)
                metrics.SHARDS.set(len(self._bound))
        return room

    def leave(self, room: Room) -> None:
        """One socket less. The last one takes the room with it."""
        room.users -= 1
        if room.users == 0:
            del self._rooms[room.session_id]
            self._rooms_per_shard[shard_of(room.session_id)] -= 1
            metrics.ROOMS.set(len(self._rooms))

    async def unbind_idle_shards(self) -> None:
        """Stop listening to shards without a room."""
        for shard in [shard for shard in self._bound if not self._rooms_per_shard[shard]]:
            self._bound.discard(shard)
            await self._shards.unbind(shard)
            if self._rooms_per_shard[shard]:
                # A room opened while the broker was being told.
                with contextlib.suppress(BrokerUnavailable):
                    await self._shards.bind(shard)
                    self._bound.add(shard)
        metrics.SHARDS.set(len(self._bound))

    async def on_fan_out_connected(self) -> None:
        """The fan-out is there again, with all wanted shards bound to a new queue: see at once what it lost."""
        self._bound.update(shard for shard, rooms in self._rooms_per_shard.items() if rooms)
        metrics.SHARDS.set(len(self._bound))
        await self.compare_heads()

    # -- events

    def on_log_hint(self, hint: LogHint) -> None:
        """Deliver a hint to the phones of its session, if there are any here."""
        room = self._rooms.get(hint.session_id)
        if room is None:
            return
        started = time.perf_counter()
        if room.epoch is not None and hint.epoch != room.epoch:
            # Only the owner can say which history is the true one.
            self.start(self.compare_heads([room]))
            return
        if hint.traceparent is None:
            self.take(room, hint.events, head=hint.last_seq)
        else:
            with continue_from(hint.traceparent), span("realtime.deliver", kind=SpanKind.CONSUMER):
                self.take(room, hint.events, head=hint.last_seq)
        metrics.DELIVERY_SECONDS.observe(time.perf_counter() - started)

    def take(self, room: Room, events: Iterable[EventView], *, head: int = 0) -> None:
        """Events of the room's log from any source, in any order. Sends what is due, fetches what is missing."""
        cursor = room.log.cursor or 0
        fresh = [(event.seq, Delivered(event, event_frame(event))) for event in events if event.seq > cursor]
        ready = room.log.offer(fresh)
        room.log.learn_head(head)
        if self.emit(room, ready):
            self.enforce(room)
        self.fetch_if_behind(room)

    def emit(self, room: Room, ready: Sequence[tuple[int, Delivered]]) -> bool:
        """Send events whose turn it is. True when the roster changed: call ``enforce`` when the phones have them."""
        if not ready:
            return False
        changed = self.follow_roster(room, (item.event for _, item in ready))
        room.follow_wishes(item.event for _, item in ready)
        sent = 0
        for phone in room.phones.values():
            for seq, item in ready:
                if phone.log.take(seq, item) and phone.wire.push(item.frame):
                    sent += 1
        metrics.DELIVERIES.inc(sent)
        return changed

    def follow_roster(self, room: Room, events: Iterable[EventView]) -> bool:
        """Apply events to the roster, in any order and any number of times. True when one of them concerned it."""
        changed = False
        for event in events:
            if room.roster.apply(event.type, event.data):
                changed = True
        if changed:
            self._on_roster_news(room.session_id)
        return changed

    def enforce(self, room: Room) -> None:
        """Close the sockets that the roster does not allow any more, and forget the presence of those who left."""
        for phone in list(room.phones.values()):
            closing = room.roster.verdict(phone.participant_id, phone.claims.generation).closing
            if closing is not None:
                phone.wire.shut(closing)
        left = [
            one.participant_id
            for one in room.presence.sightings()
            if (member := room.roster.members.get(one.participant_id)) and member.left
        ]
        if left and not room.roster.ended:
            for participant_id in left:
                room.presence.forget(participant_id)
            self.show_presence(room)

    def show_presence(self, room: Room) -> None:
        """Tell every live phone who is there."""
        frame = presence_frame(room.presence.sightings())
        for phone in room.phones.values():
            if phone.log.live:
                phone.wire.push(frame)

    # -- what the fan-out lost

    def fetch_if_behind(self, room: Room) -> None:
        """Start fetching what is missing, unless that is under way."""
        if room.log.behind and not room.fetching and room.least_told is not None:
            room.fetching = True
            self.start(self._fetch(room))

    async def _fetch(self, room: Room) -> None:
        try:
            for pause in FETCH_PAUSES_S:
                # Hints that were only out of order have often arrived by now.
                await asyncio.sleep(0)
                if not await self._fetch_once(room):
                    self.enforce(room)
                    return
                await asyncio.sleep(pause)
        finally:
            room.fetching = False

    async def _fetch_once(self, room: Room) -> bool:
        """Fetch until the room is not behind. True when it should be tried again after a pause."""
        while room.log.behind and (phone := room.least_told) is not None:
            cursor = room.log.cursor or 0
            if phone.log.cursor > cursor:
                room.awaiting = True
                self.emit(room, room.log.start(phone.log.cursor))
                continue
            try:
                page = await self._owner.events(room.session_id, phone.credential, cursor)
            except SocketRefused as refused:
                metrics.GAP_FETCHES.labels("refused").inc()
                self.dismiss(room, phone, refused.closing)
                continue
            except OwnerUnavailable:
                metrics.GAP_FETCHES.labels("unavailable").inc()
                return True
            if room.epoch is not None and page.epoch != room.epoch:
                await self.compare_heads([room])
                return False
            if not page.events and (room.log.cursor or 0) == cursor and room.log.behind:
                # The head is ahead of what can be read: a number that was never committed, or a restored database.
                metrics.GAP_FETCHES.labels("empty").inc()
                await self.compare_heads([room], trust_owner=True)
                return room.log.behind
            metrics.GAP_FETCHES.labels("fetched").inc()
            ready = room.log.offer((event.seq, Delivered(event, event_frame(event))) for event in page.events)
            if self.emit(room, ready):
                self.enforce(room)
        return False

    def dismiss(self, room: Room, phone: Phone, closing: Closing) -> None:
        """Close a socket and send it nothing more."""
        phone.wire.shut(closing)
        if room.phones.get(phone.participant_id) is phone:
            del room.phones[phone.participant_id]

    async def compare_heads(self, rooms: Iterable[Room] | None = None, *, trust_owner: bool = False) -> None:
        """Ask the owner where the logs stand, and fetch or resync the rooms that stand elsewhere."""
        compared = [room for room in (self if rooms is None else rooms) if room.log.cursor is not None]
        for start in range(0, len(compared), HEADS_PER_CALL):
            chunk = compared[start : start + HEADS_PER_CALL]
            asked = [(room, room.log.cursor or 0) for room in chunk]
            try:
                heads = await self._owner.heads(room.session_id for room in chunk)
            except OwnerUnavailable:
                metrics.HEAD_COMPARISONS.labels("unavailable").inc()
                return
            metrics.HEAD_COMPARISONS.labels("compared").inc()
            for room, cursor in asked:
                self._compare(room, cursor, heads.epoch, heads.last_seq.get(room.session_id), trust_owner)

    def _compare(self, room: Room, asked_at: int, epoch: str, head: int | None, trust_owner: bool) -> None:
        if head is None:
            # The owner knows no such session; what each phone is told depends on its credential.
            self.start(self._dismiss_refused(room))
        elif epoch != room.epoch or head < asked_at:
            self.restart(room, epoch, head)
        elif trust_owner and head <= (room.log.cursor or 0):
            room.log.head = room.log.cursor or 0
        else:
            if head > room.head:
                metrics.HEALED.inc()
            room.log.learn_head(head)
            self.fetch_if_behind(room)

    async def _dismiss_refused(self, room: Room) -> None:
        for phone in list(room.phones.values()):
            try:
                await self._owner.confirm(room.session_id, phone.credential)
            except SocketRefused as refused:
                self.dismiss(room, phone, refused.closing)
            except OwnerUnavailable:
                return

    def restart(self, room: Room, epoch: str, head: int) -> None:
        """The log has another history: phones take the snapshot and go on from ``head``."""
        log.warning("room.history_changed", session_id=str(room.session_id))
        room.epoch = epoch
        room.awaiting = True
        room.log.restart()
        room.log.start(head)
        for phone in room.phones.values():
            if phone.log.live:
                self.resync(room, phone, head, "epoch")
            else:
                phone.log.restart()
                phone.must_resync = True

    def resync(self, room: Room, phone: Phone, head: int, cause: str) -> None:
        """Tell one phone to take the snapshot."""
        metrics.RESYNCS.labels(cause).inc()
        phone.log.jump(head)
        phone.wire.push(resync_frame(head, room.epoch))

    # -- tasks

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work beside the sockets. An error in it is a bug; it is logged and harms no socket."""
        task = asyncio.get_running_loop().create_task(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Cancel what is under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def keep_comparing(self, every_s: float) -> None:
        """Compare heads of all rooms for ever: no lost hint stays hidden for longer than ``every_s``."""
        while True:
            await asyncio.sleep(every_s)
            await self.compare_heads()
            await self.unbind_idle_shards()


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:
        log.exception("room.task_failed")
