"""The real clock. Everything that decides about time is given one, so that a test can give another."""

from __future__ import annotations

from datetime import UTC, datetime


def wall_clock() -> datetime:
    """The real time in UTC."""
    return datetime.now(UTC)
