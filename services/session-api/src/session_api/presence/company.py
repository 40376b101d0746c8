"""Keeps count of the phones that are there, and lets waiting wishes take effect when nobody is left to be asked (G4).

Invariants: noting never makes a request wait: what was heard is written down together once a second, and what a crash
loses is heard again with the next request. A wish is released by the log under its usual guard, so several processes
may try at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from session_api.presence import queries
from session_api.presence.domain import POLLING_COUNTS_FOR, absentees
from twotop_common.service_defaults.database import looks_unavailable
from twotop_common.service_defaults.logging import get_logger

log = get_logger(__name__)

TICK_S = 1.0
POLLED_AGAIN_AFTER = timedelta(seconds=5)
KEPT = timedelta(days=2)

Release = Callable[[UUID, timedelta], Awaitable[None]]
"""Lets a session's wish take effect if the others are absent; told for how long it has waited."""


class Company:
    """One per process. ``run`` writes down what was noted, and ``release``s wishes."""

    def __init__(self, pool: asyncpg.Pool[Any], now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._now = now
        self._polled_at: dict[tuple[UUID, UUID], datetime] = {}
        self._unwritten: dict[tuple[UUID, UUID], datetime] = {}
        self._waiting: dict[UUID, datetime] = {}
        self._settled: set[UUID] = set()
        self._release: Release | None = None

    def releases_by(self, release: Release) -> None:
        """Who knows the log: set once, before ``run``."""
        self._release = release

    def polled(self, session_id: UUID, participant_id: UUID) -> None:
        """A request came from this phone. Cheap: most of them are not worth writing down."""
        now, key = self._now(), (session_id, participant_id)
        noted = self._polled_at.get(key)
        if noted is None or now - noted >= POLLED_AGAIN_AFTER:
            self._polled_at[key] = self._unwritten[key] = now

    def wishes(self, session_id: UUID, *, waiting: bool) -> None:
        """Whether one phone of this session waits for the other now; told after each change of that."""
        if waiting:
            self._waiting.setdefault(session_id, self._now())
            self._settled.discard(session_id)
        else:
            self._waiting.pop(session_id, None)
            self._settled.add(session_id)

    async def connected(self, session_id: UUID, participant_id: UUID, at: datetime) -> None:
        """realtime-gateway: a socket opened."""
        await queries.note_connected(self._pool, session_id, participant_id, at)

    async def gone(self, session_id: UUID, participant_id: UUID, at: datetime) -> None:
        """realtime-gateway: without a socket for 20 s."""
        await queries.note_gone(self._pool, session_id, participant_id, at)

    async def absent(
        self, session_id: UUID, present: frozenset[UUID], waited_for: timedelta = timedelta(0)
    ) -> frozenset[UUID]:
        """Those of ``present`` that need not be waited for any more."""
        sightings = await queries.sightings_in(self._pool, session_id)
        return absentees(present, sightings, waited_for, self._now())

    async def run(self) -> None:
        """Write and release until cancelled."""
        while True:
            try:
                await self._write()
                for session_id, since in (
                    await queries.wishes_to_release(self._pool, self._now() - POLLING_COUNTS_FOR)
                ).items():
                    if self._release is not None:
                        await self._release(session_id, self._now() - since)
            except Exception as error:
                if not looks_unavailable(error):
                    raise
                log.warning("company.unavailable", error=type(error).__name__)
            await asyncio.sleep(TICK_S)

    async def forget_old(self) -> None:
        """Housekeeping."""
        await queries.forget(self._pool, self._now() - KEPT)

    async def _write(self) -> None:
        now = self._now()
        self._polled_at = {key: at for key, at in self._polled_at.items() if now - at < POLLED_AGAIN_AFTER}
        if polled := self._unwritten:
            self._unwritten = {}
            await queries.note_polled(self._pool, polled)
        if self._waiting or self._settled:
            waiting, self._waiting = self._waiting, {}
            settled, self._settled = self._settled, set()
            await queries.note_wishes(self._pool, waiting, sorted(settled))
