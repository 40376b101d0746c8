"""True fakes: only what a test must steer and no real server can give it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """A clock that stands until it is moved. Call it for the time (aware, UTC)."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime(2026, 3, 14, 18, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **delta: float) -> datetime:
        """Move forward, with the arguments of ``timedelta``. The new time."""
        self.now += timedelta(**delta)
        return self.now
