"""Records are stored with the events and read back as counts by service day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import uuid4

import asyncpg
import pytest
from session_api_testing.house import OTHER_TABLE, House

from session_api.analytics.domain import AnalyticsRecord
from session_api.analytics.queries import Count, TablesAlike, counts, insert_records, tables_by_live_sessions
from twotop_common.service_defaults.database import open_database_at
from twotop_common.testing.backends import ServiceDatabase
from twotop_common.testing.fakes import Clock

pytestmark = pytest.mark.integration

DAY = date(2026, 1, 9)
ENDED = AnalyticsRecord("session_ended", uuid4(), DAY, "dual", "established", "idle", 100, 2)


async def test_counts_are_by_location_and_service_day(service_database: ServiceDatabase) -> None:
    url = await service_database("session_api")
    connection = await asyncpg.connect(url)
    try:
        await insert_records(connection, [])
        await insert_records(
            connection,
            [
                ENDED,
                replace(ENDED, duration_s=200, count=1),
                replace(ENDED, kind="session_created", reason=None, context=None, duration_s=0, count=1),
                replace(ENDED, service_day=date(2026, 1, 10)),
                replace(ENDED, location_id=uuid4()),
            ],
        )
    finally:
        await connection.close()
    async with open_database_at(url, pool_size=1) as database, database.sessions() as session:
        assert await counts(session, DAY, ENDED.location_id) == [
            Count("session_created", "dual", None, None, events=1, phones=1, mean_duration_s=0.0),
            Count("session_ended", "dual", "established", "idle", events=2, phones=3, mean_duration_s=150.0),
        ]
        assert await counts(session, date(2026, 1, 8), ENDED.location_id) == []


async def test_tables_are_counted_by_what_lives_there_now_also_while_nothing_begins(
    still_house: House, clock: Clock
) -> None:
    async def tables() -> set[tuple[int, bool, int]]:
        alike = await tables_by_live_sessions(still_house.deps.pool, clock())
        return {(one.live_sessions, one.at_the_cap, one.tables) for one in alike}

    assert await tables_by_live_sessions(still_house.deps.pool, clock()) == [TablesAlike(0, False, 4)]
    ended = await still_house.start("single")
    for _ in range(9):
        await still_house.start("single")
    await still_house.start("single", table=OTHER_TABLE)
    assert await tables() == {(0, False, 2), (1, False, 1), (10, True, 1)}
    await ended.post("/close")
    assert await tables() == {(0, False, 2), (1, False, 1), (9, False, 1)}
    # Nobody has looked at them since they ran out.
    clock.advance(days=2)
    assert await tables() == {(0, False, 4)}
