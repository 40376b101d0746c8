"""Attendance: whose socket is the newest, who is away, who is gone, on all instances together.

Invariants:
- The database numbers a participant's sockets. Only the newest counts: an older one is closed as soon as its instance
  hears of the newer (by hint, or by the reconciliation that looks the numbers up), and only the loss of the newest
  makes the participant away and, ``gone_after_s`` after it was last heard of, gone.
- ``ParticipantGone`` is written in the transaction that finds the number unchanged: nobody who came back is declared
  gone. It is dated so that whoever comes back at that moment came back after it (``gone_since``).
- An instance that stops or dies declares nothing. Its participants are declared gone by another one after
  ``gone_after_s`` without a heartbeat, and only by one whose own heart has been beating all that time: after an outage
  of the database nobody is mistaken for dead.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, cast
from uuid import UUID

from realtime_gateway import metrics
from realtime_gateway.domain.closing import Closing
from realtime_gateway.domain.presence import Mark, gone_since
from realtime_gateway.domain.roster import Verdict
from realtime_gateway.errors import DatabaseUnavailable, SocketRefused
from realtime_gateway.handlers import Handlers
from realtime_gateway.phone import Phone
from realtime_gateway.presence_memory import PresenceMemory
from realtime_gateway.queries import GoneParticipant, HeldSocket
from realtime_gateway.rooms import Room, Rooms
from twotop_common.contracts.session_api import Role
from twotop_common.contracts.session_log import PollingHint, PresenceHint
from twotop_common.service_defaults.logging import get_logger

log = get_logger(__name__)

SWEEP_S = 1.0


class Lost(NamedTuple):
    """A participant whose newest socket was here and is lost. ``due`` is monotonic."""

    role: Role
    connection: int
    due: float


class Attendance:
    """Follows and announces who is there."""

    def __init__(
        self,
        handlers: Handlers,
        rooms: Rooms,
        memory: PresenceMemory,
        publish_hint: Callable[[PresenceHint], bool],
        *,
        instance: str,
        gone_after_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._handlers = handlers
        self._rooms = rooms
        self._memory = memory
        self._publish_hint = publish_hint
        self._instance = instance
        self._gone_after_s = gone_after_s
        self._clock = clock
        self._lost: dict[tuple[UUID, UUID], Lost] = {}
        self._polled: set[UUID] = set()
        self._beating_since: float | None = None
        self._known = False
        self._declared_dead: list[Phone] = []
        self._draining = False

    # -- sockets of this instance

    async def arrive(self, room: Room, phone: Phone) -> None:
        """A phone is admitted: number its socket and replace an older one.

        Raises SocketRefused (try again) while the database is away.
        """
        try:
            phone.connection = await self._handlers.connect(phone.claims)
        except DatabaseUnavailable as error:
            log.warning("attendance.database_away", error=type(error).__name__)
            raise SocketRefused(Closing.TRY_AGAIN) from None
        metrics.SOCKETS.inc()
        self._lost.pop((phone.session_id, phone.participant_id), None)
        if not room.presence_known:
            room.presence_known = True
            for participant_id, mark in (await self._memory.recall(room.session_id)).items():
                room.presence.see(participant_id, mark)
        self._announce(phone.session_id, phone.participant_id, phone.claims.role, phone.connection, "online")

    def depart(self, phone: Phone) -> None:
        """A socket is lost. If it was the participant's newest, the participant is away from now on.

        A phone that fell silent has been away for longer than this side knows.
        """
        key = (phone.session_id, phone.participant_id)
        room = self._rooms.get(phone.session_id)
        if room is not None:
            if room.presence.connection_of(phone.participant_id) > phone.connection:
                return
            if room.roster.verdict(phone.participant_id, phone.claims.generation) in (Verdict.LEFT, Verdict.ENDED):
                return
        self._announce(phone.session_id, phone.participant_id, phone.claims.role, phone.connection, "away")
        if not self._draining:
            since = phone.wire.line.heard_at if phone.wire.closing is Closing.SILENT else self._clock()
            self._lost[key] = Lost(phone.claims.role, phone.connection, since + self._gone_after_s)

    async def drain(self) -> None:
        """This instance stops: sockets lost from now on are the business of the others."""
        self._draining = True
        self._lost.clear()

    def _announce(self, session_id: UUID, participant_id: UUID, role: Role, connection: int, status: str) -> None:
        hint = PresenceHint.model_validate(
            {
                "session_id": session_id,
                "participant_id": participant_id,
                "role": role,
                "status": status,
                "instance": self._instance,
                "connection": connection,
                "at": datetime.now(UTC),
            }
        )
        self.on_presence_hint(hint)
        self._publish_hint(hint)
        self._rooms.start(self._memory.see(session_id, participant_id, Mark(role, connection, hint.status)))

    # -- what is heard of other instances

    def on_presence_hint(self, hint: PresenceHint) -> None:
        """A sighting, ours or another instance's: show it, and close a socket that it proves to be the older one."""
        lost = self._lost.get((hint.session_id, hint.participant_id))
        if lost is not None and hint.connection > lost.connection:
            del self._lost[(hint.session_id, hint.participant_id)]
        room = self._rooms.get(hint.session_id)
        if room is None:
            return
        phone = room.phones.get(hint.participant_id)
        if phone is not None and phone.connection < hint.connection:
            self._rooms.dismiss(room, phone, Closing.REPLACED)
        if self._has_left(room, hint.participant_id):
            return
        if room.presence.see(hint.participant_id, Mark(hint.role, hint.connection, hint.status)):
            self._rooms.show_presence(room)

    def on_polling_hint(self, hint: PollingHint) -> None:
        """session-api: a phone without a socket has asked for something. It is shown as there while that counts."""
        room = self._rooms.get(hint.session_id)
        if room is None or self._has_left(room, hint.participant_id):
            return
        self._polled.add(hint.session_id)
        if room.presence.hear(hint.participant_id, hint.role, self._clock() + hint.present_for_s):
            self._rooms.show_presence(room)

    @staticmethod
    def _has_left(room: Room, participant_id: UUID) -> bool:
        member = room.roster.members.get(participant_id)
        return member is not None and member.left

    async def reconcile(self) -> None:
        """Find sockets that were replaced elsewhere although the hint was lost, and keep the memory of presence."""
        held = [HeldSocket(one.session_id, one.participant_id, one.connection) for one in self._rooms.phones()]
        if not held:
            return
        try:
            newer = await self._handlers.find_replaced(held)
        except DatabaseUnavailable as error:
            log.warning("attendance.database_away", error=type(error).__name__)
            return
        for socket in newer:
            room = self._rooms.get(socket.session_id)
            phone = room.phones.get(socket.participant_id) if room is not None else None
            if room is not None and phone is not None and phone.connection < socket.connection:
                self._rooms.dismiss(room, phone, Closing.REPLACED)
        await self._memory.keep({one.session_id for one in held})

    # -- gone

    async def sweep(self) -> None:
        """Show who polls no more, and declare gone whose time is over."""
        now = self._clock()
        self._miss_polling(now)
        due = [
            HeldSocket(session_id, participant_id, lost.connection)
            for (session_id, participant_id), lost in self._lost.items()
            if lost.due <= now
        ]
        if not due:
            return
        gone = await self._handlers.declare_gone(due, self._gone_since())
        for socket in due:
            lost = self._lost.get((socket.session_id, socket.participant_id))
            if lost is not None and lost.connection == socket.connection:
                del self._lost[(socket.session_id, socket.participant_id)]
        self._show_gone(gone, "lost")

    def _miss_polling(self, now: float) -> None:
        for session_id in list(self._polled):
            room = self._rooms.get(session_id)
            if room is not None and room.presence.lapse(now):
                self._rooms.show_presence(room)
            if room is None or not room.presence.anybody_polls:
                self._polled.discard(session_id)

    async def beat(self) -> None:
        """Say that this instance lives, and take over the participants of instances that do not."""
        try:
            unknown = await self._handlers.beat()
        except DatabaseUnavailable:
            self._beating_since = None
            raise
        now = self._clock()
        if self._beating_since is None:
            self._beating_since = now
        if unknown and self._known:
            self._declared_dead = self._rooms.phones()
            log.warning("attendance.declared_dead", sockets=len(self._declared_dead))
        self._known = True
        await self._return_from_the_dead()
        if now - self._beating_since >= self._gone_after_s:
            gone = await self._handlers.bury_dead_instances(self._gone_after_s, self._gone_since())
            self._show_gone(gone, "instance")

    async def _return_from_the_dead(self) -> None:
        """Others declared our participants gone while we could not say that we live: their sockets count anew.

        Raises DatabaseUnavailable; the next beat goes on with those that are left.
        """
        while self._declared_dead:
            phone = self._declared_dead[-1]
            if self._seated(phone) is phone:
                connection = await self._handlers.connect(phone.claims)
                # The number is the participant's newest, whoever sits here by now.
                seated = self._seated(phone)
                if seated is None:
                    phone.connection = connection
                    self.depart(phone)
                elif seated.connection < connection:
                    seated.connection = connection
                    self._announce(phone.session_id, phone.participant_id, phone.claims.role, connection, "online")
            self._declared_dead.pop()

    def _seated(self, phone: Phone) -> Phone | None:
        room = self._rooms.get(phone.session_id)
        return None if room is None else room.phones.get(phone.participant_id)

    def _gone_since(self) -> datetime:
        return gone_since(datetime.now(UTC), self._gone_after_s)

    def _show_gone(self, gone: Sequence[GoneParticipant], cause: str) -> None:
        for one in gone:
            metrics.GONE.labels(cause).inc()
            self._announce(one.session_id, one.participant_id, cast(Role, one.role), one.connection, "gone")

    async def keep_sweeping(self) -> None:
        """Declare gone, for ever."""
        while True:
            await asyncio.sleep(SWEEP_S)
            await _unless_database_away(self.sweep)

    async def keep_reconciling(self, every_s: float) -> None:
        """Reconcile, for ever."""
        while True:
            await asyncio.sleep(every_s)
            await self.reconcile()

    async def keep_beating(self, every_s: float) -> None:
        """Beat, for ever."""
        while True:
            await _unless_database_away(self.beat)
            await asyncio.sleep(every_s)


async def _unless_database_away(work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except DatabaseUnavailable as error:
        log.warning("attendance.database_away", error=type(error).__name__)
