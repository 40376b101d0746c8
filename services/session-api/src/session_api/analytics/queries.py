"""Every query about statistics, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from session_api.analytics.domain import AnalyticsRecord

_INSERT = """
INSERT INTO analytics_events (kind, location_id, service_day, mode, context, reason, duration_s, count)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_COUNTS = text(
    """
    SELECT kind, mode, context, reason, count(*) AS events, sum(count) AS phones,
           avg(duration_s)::float8 AS mean_duration_s
    FROM analytics_events WHERE service_day = :day AND location_id = :location_id
    GROUP BY kind, mode, context, reason ORDER BY kind, mode, context, reason
    """
)


@dataclass(frozen=True, slots=True)
class Count:
    """How often something happened at a location on a service day, with the mean age of the sessions in seconds."""

    kind: str
    mode: str | None
    context: str | None
    reason: str | None
    events: int
    phones: int
    mean_duration_s: float | None


@dataclass(frozen=True, slots=True)
class TablesAlike:
    """How many tables have so many live sessions, and whether that is as many as they may have."""

    live_sessions: int
    at_the_cap: bool
    tables: int


async def insert_records(connection: asyncpg.Connection[Any], records: Sequence[AnalyticsRecord]) -> None:
    """Insert ``records`` in the connection's current transaction."""
    if records:
        await connection.executemany(_INSERT, [astuple(record) for record in records])


async def counts(database: AsyncSession | AsyncConnection, day: date, location_id: UUID) -> list[Count]:
    """What happened at a location on a service day, grouped by kind, mode, context and reason."""
    result = await database.execute(_COUNTS, {"day": day, "location_id": location_id})
    return [Count(**row) for row in result.mappings()]


async def tables_by_live_sessions(pool: asyncpg.Pool[Any], now: datetime) -> list[TablesAlike]:
    """Every table there is, those without a session too, by how many live at it."""
    rows = await pool.fetch(
        """
        SELECT live_sessions, at_the_cap, count(*) AS tables
        FROM (SELECT count(head.session_id) AS live_sessions,
                     count(head.session_id) >= location.table_session_cap AS at_the_cap
              FROM tables AS place JOIN locations AS location ON location.id = place.location_id
              LEFT JOIN session_heads AS head
                     ON head.table_id = place.id AND head.ended_at IS NULL AND head.due_at > $1
              GROUP BY place.id, location.table_session_cap) AS counted
        GROUP BY live_sessions, at_the_cap
        """,
        now,
    )
    return [TablesAlike(**row) for row in rows]
