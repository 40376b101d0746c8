"""Service days: a restaurant's local date that begins at a cut-over hour, not at midnight and not in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def service_day(at: datetime, timezone: str, day_starts_at_hour: int) -> date:
    """The service day of the aware instant ``at``. ``timezone`` is an IANA name, the hour is local (0-23)."""
    local = at.astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    return (local - timedelta(hours=day_starts_at_hour)).date()


def service_day_end(at: datetime, timezone: str, day_starts_at_hour: int) -> datetime:
    """The instant (UTC) at which the service day of ``at`` is over and the next begins.

    Where clocks spring over the cut-over hour, the day ends at the moment they do.
    """
    following = service_day(at, timezone, day_starts_at_hour) + timedelta(days=1)
    cut_over = datetime.combine(following, time(day_starts_at_hour), tzinfo=ZoneInfo(timezone))
    return cut_over.astimezone(UTC)
