"""Statistics as the operator reads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from session_api.analytics import queries
from session_api.analytics.queries import Count
from session_api.venues.queries import location_by_slug


class UnknownLocation(Exception):
    """No location has this slug; a misspelt one must not look like a quiet day."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What happened at a location on a service day; durations are in seconds."""

    location: str
    service_day: date
    counts: list[Count]


async def statistics_of_day(session: AsyncSession, location_slug: str, day: date) -> Statistics:
    """Counts and mean durations of one service day (X5). Raises UnknownLocation."""
    location = await location_by_slug(session, location_slug)
    if location is None:
        raise UnknownLocation(location_slug)
    return Statistics(location.slug, day, await queries.counts(session, day, location.id))
