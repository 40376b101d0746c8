"""Lets wishes that wait for an absent partner take effect (G4).

Invariants: which wishes wait the log says; what is kept here only lets a new one be looked at sooner. A wish is
released by the log under its usual guard, so several processes may try at once; a session whose wish cannot be released
harms no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Set
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from session_api.presence import queries
from session_api.presence.domain import POLLING_COUNTS_FOR, Waiting
from session_api.presence.sightings import Sightings
from twotop_common.service_defaults.database import looks_unavailable
from twotop_common.service_defaults.logging import get_logger

log = get_logger(__name__)

TICK_S = 1.0
LOOK_PAUSE_S = 0.02
"""While this passes, new wishes gather to be looked at together: a reading for each would be dear."""

Release = Callable[[UUID], Awaitable[None]]
"""Lets a session's wish take effect if the others are absent."""


class WaitingWishes:
    """One per process. ``run`` releases wishes that waited before, ``follow_new`` those that begin to wait in vain."""

    def __init__(self, pool: asyncpg.Pool[Any], now: Callable[[], datetime], sightings: Sightings) -> None:
        self._pool = pool
        self._now = now
        self._sightings = sightings
        self._failing: set[UUID] = set()
        self._new: dict[UUID, Waiting] = {}
        self._came = asyncio.Event()

    def add(self, waiting: Waiting) -> None:
        """A wish was logged, and waits: ``follow_new`` looks at once whether it has to."""
        self._new[waiting.session_id] = waiting
        self._came.set()

    async def follow_new(self, release: Release) -> None:
        """``release`` each new wish whose partner is absent, until cancelled. What is missed the next tick finds."""
        while True:
            await self._came.wait()
            self._came.clear()
            waiting, self._new = self._new, {}
            try:
                absent = await self._sightings.absent_in({one.session_id: one.arrivals for one in waiting.values()})
            except Exception as error:
                if not looks_unavailable(error):
                    raise
                log.warning("waiting_wishes.unavailable", error=type(error).__name__)
            else:
                in_vain = {one.session_id for one in waiting.values() if one.awaited & absent[one.session_id]}
                await self._release(in_vain, release)
            await asyncio.sleep(LOOK_PAUSE_S)

    async def run(self, release: Release) -> None:
        """``release``, each second, what need not wait any more, until cancelled."""
        while True:
            try:
                await self.tick(release)
            except Exception as error:
                if not looks_unavailable(error):
                    raise
                log.warning("waiting_wishes.unavailable", error=type(error).__name__)
            await asyncio.sleep(TICK_S)

    async def tick(self, release: Release) -> None:
        """``release`` what need not wait any more."""
        waiting = await queries.wishes_to_release(self._pool, self._now() - POLLING_COUNTS_FOR)
        self._failing &= waiting
        await self._release(waiting, release)

    async def _release(self, waiting: Set[UUID], release: Release) -> None:
        await asyncio.gather(*(self._release_one(session_id, release) for session_id in waiting))

    async def _release_one(self, session_id: UUID, release: Release) -> None:
        try:
            await release(session_id)
        except Exception:
            # It is tried again each second, but said once.
            if session_id not in self._failing:
                log.exception("waiting_wishes.release_failed", session_id=str(session_id))
            self._failing.add(session_id)
        else:
            self._failing.discard(session_id)
