"""Wakes the worker at the instant at which the next deadline falls due.

Invariants: between two rings the alarm sleeps until the earliest time it was told of, by the last ring or by ``set``
since; it never sleeps longer than ``check_every``, because another worker may have taken a deadline in and died;
nothing is asked of the database in between. A ring that fails because the database is away is logged and tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from twotop_common.service_defaults.database import looks_unavailable
from twotop_common.service_defaults.logging import get_logger

log = get_logger(__name__)


class Alarm:
    """Calls ``ring`` when something is due. ``ring`` asks the owners and returns when the next deadline fires."""

    def __init__(
        self, ring: Callable[[], Awaitable[datetime | None]], now: Callable[[], datetime], check_every: timedelta
    ) -> None:
        self._ring = ring
        self._now = now
        self._check_every = check_every
        self._wakes_at = now()
        self._earlier = asyncio.Event()

    def set(self, fires_at: datetime) -> None:
        """A deadline was taken in: wake for it when it comes before the time slept to."""
        if fires_at < self._wakes_at:
            self._wakes_at = fires_at
            self._earlier.set()

    async def run(self) -> None:
        """Ring until cancelled."""
        while True:
            self._wakes_at = self._now() + self._check_every
            try:
                fires_at = await self._ring()
            except Exception as error:
                if not looks_unavailable(error):
                    raise
                log.warning("deadlines.unavailable", error=type(error).__name__)
            else:
                if fires_at is not None:
                    self.set(fires_at)
            await self._sleep()

    async def _sleep(self) -> None:
        while (left := (self._wakes_at - self._now()).total_seconds()) > 0:
            self._earlier.clear()
            try:
                async with asyncio.timeout(left):
                    await self._earlier.wait()
            except TimeoutError:
                continue
