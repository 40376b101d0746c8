"""Notes which phones are there, and tells of those that poll.

A phone that polls without a socket is told of, because nobody else sees it: gateways show it, by a hint as often as its
requests are written; pairing does not let A give away the place of B, by a fact that is written with them. A phone that
was not known yet is written a second time, and only then told of: by then nearly every phone has opened its socket.
Gateways are told whenever another phone of its session opens a socket, for that may be in a room that has heard of
nobody.

Invariants: noting never makes a request wait: what was heard is written down together once a second, a phone's every
5 s, and what is not written yet counts here all the same. What a crash loses is heard again with the next request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from session_api.presence import queries
from session_api.presence.domain import POLLING_COUNTS_FOR, Sighting, absentees, heard_here
from session_api.presence.queries import Phone
from twotop_common.contracts.session_api import ParticipantPolling, Role
from twotop_common.contracts.session_log import PollingHint
from twotop_common.messaging.outbox import OutboxRecord, enqueue_on, outbox_record
from twotop_common.service_defaults.database import looks_unavailable
from twotop_common.service_defaults.logging import get_logger

log = get_logger(__name__)

TICK_S = 1.0
WRITTEN_AGAIN_AFTER = timedelta(seconds=5)
ANNOUNCED_AGAIN_AFTER = timedelta(seconds=15)
KEPT = timedelta(days=2)


class Heard(NamedTuple):
    """A phone's newest request."""

    at: datetime
    role: Role


class Sightings:
    """One per process. ``run`` writes down what was noted; ``flush`` writes the rest at the end."""

    def __init__(
        self,
        pool: asyncpg.Pool[Any],
        now: Callable[[], datetime],
        *,
        publish_hint: Callable[[PollingHint], bool],
        wake_relay: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._now = now
        self._publish_hint = publish_hint
        self._wake_relay = wake_relay
        self._unwritten: dict[Phone, Heard] = {}
        self._written_at: dict[Phone, datetime] = {}
        self._unannounced: dict[Phone, datetime] = {}
        self._announced_at: dict[Phone, datetime] = {}

    def polled(self, session_id: UUID, participant_id: UUID, role: Role) -> None:
        """A request came from this phone. Cheap: it is written down later."""
        self._unwritten[session_id, participant_id] = Heard(self._now(), role)

    async def connected(self, session_id: UUID, participant_id: UUID, at: datetime) -> None:
        """realtime-gateway: a socket opened."""
        await queries.note_connected(self._pool, session_id, participant_id, at)

    async def gone(self, session_id: UUID, participant_id: UUID, role: Role, at: datetime) -> None:
        """realtime-gateway: without a socket for 20 s. It may have been polling for some of them."""
        here = self._polled_here(session_id, [participant_id])
        sighting = await queries.note_gone(self._pool, session_id, participant_id, at)
        (known,) = heard_here([sighting], here)
        self._tell(session_id, role, known)

    async def tell_of(self, session_id: UUID, roles: Mapping[UUID, Role]) -> None:
        """Tell gateways which of these phones poll: a room that has just opened has heard of none."""
        known = await self._known({session_id: roles})
        for sighting in known[session_id]:
            if sighting.participant_id in roles:
                self._show(session_id, roles[sighting.participant_id], sighting)

    async def absent(self, session_id: UUID, arrivals: Mapping[UUID, datetime]) -> frozenset[UUID]:
        """Those on the roster, each there since its arrival, that need not be waited for any more."""
        return (await self.absent_in({session_id: arrivals}))[session_id]

    async def absent_in(self, rosters: Mapping[UUID, Mapping[UUID, datetime]]) -> dict[UUID, frozenset[UUID]]:
        """``absent``, for several sessions in one reading."""
        known = await self._known(rosters)
        now = self._now()
        return {session_id: absentees(arrivals, known[session_id], now) for session_id, arrivals in rosters.items()}

    async def _known(self, rosters: Mapping[UUID, Iterable[UUID]]) -> dict[UUID, list[Sighting]]:
        # Before the reading: what is written meanwhile is in the one or in the other.
        here = {session_id: self._polled_here(session_id, phones) for session_id, phones in rosters.items()}
        known = await queries.sightings_in(self._pool, rosters)
        return {session_id: heard_here(known.get(session_id, []), polled) for session_id, polled in here.items()}

    def _polled_here(self, session_id: UUID, phones: Iterable[UUID]) -> dict[UUID, datetime]:
        return {phone: heard.at for phone in phones if (heard := self._unwritten.get((session_id, phone)))}

    async def run(self) -> None:
        """Write, until cancelled."""
        while True:
            try:
                await self.tick()
            except Exception as error:
                if not looks_unavailable(error):
                    raise
                log.warning("sightings.unavailable", error=type(error).__name__)
            await asyncio.sleep(TICK_S)

    async def tick(self) -> None:
        """Write what is worth writing by now."""
        await self._write(self._worth_writing())

    async def flush(self) -> None:
        """Write down everything that was noted."""
        self._announced_at.clear()
        await self._write(dict(self._unwritten))

    async def forget_old(self) -> None:
        """Housekeeping."""
        await queries.forget(self._pool, self._now() - KEPT)

    def _worth_writing(self) -> dict[Phone, Heard]:
        self._written_at = self._recent(self._written_at, WRITTEN_AGAIN_AFTER)
        return {phone: heard for phone, heard in self._unwritten.items() if phone not in self._written_at}

    def _worth_announcing(self) -> dict[Phone, datetime]:
        self._announced_at = self._recent(self._announced_at, ANNOUNCED_AGAIN_AFTER)
        return {phone: at for phone, at in self._unannounced.items() if phone not in self._announced_at}

    def _recent(self, times: Mapping[Phone, datetime], age: timedelta) -> dict[Phone, datetime]:
        now = self._now()
        return {phone: at for phone, at in times.items() if now - at < age}

    async def _write(self, heard: Mapping[Phone, Heard]) -> None:
        if not heard and not self._worth_announcing():
            return
        known: dict[Phone, Sighting] = {}
        async with self._pool.acquire() as connection, connection.transaction():
            if heard:
                known = await queries.note_polled(connection, {phone: one.at for phone, one in heard.items()})
                for (session_id, participant_id), sighting in known.items():
                    self._tell(session_id, heard[session_id, participant_id].role, sighting)
            announced = self._worth_announcing()
            await enqueue_on(connection, [_announcement(phone, at) for phone, at in announced.items()])
        now = self._now()
        for phone, one in heard.items():
            self._written_at[phone] = now
            if phone in known and self._unwritten.get(phone) == one:
                del self._unwritten[phone]
        for phone, at in announced.items():
            self._announced_at[phone] = now
            if self._unannounced.get(phone) == at:
                del self._unannounced[phone]
        if announced:
            self._wake_relay()

    def _tell(self, session_id: UUID, role: Role, sighting: Sighting) -> None:
        """Tell gateways now, and pairing with what is written next, of a phone without a socket that is here."""
        until = self._show(session_id, role, sighting)
        if until is not None and role == "B":
            self._unannounced[session_id, sighting.participant_id] = until - POLLING_COUNTS_FOR

    def _show(self, session_id: UUID, role: Role, sighting: Sighting) -> datetime | None:
        """Tell gateways of a phone without a socket that is here, and until when."""
        until, now = sighting.polls_until, self._now()
        if until is None or until <= now:
            return None
        self._publish_hint(
            PollingHint(
                session_id=session_id,
                participant_id=sighting.participant_id,
                role=role,
                present_for_s=min(until - now, POLLING_COUNTS_FOR).total_seconds(),
            )
        )
        return until


def _announcement(phone: Phone, polled_at: datetime) -> OutboxRecord:
    session_id, participant_id = phone
    fact = ParticipantPolling(session_id=session_id, participant_id=participant_id, polled_at=polled_at)
    return outbox_record(fact, subject=str(session_id), source="session-api")
