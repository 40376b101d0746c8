"""Which sessions are looked at each second: those in which the rules may release something now, and no others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID, uuid4

import asyncpg
import pytest
from session_api_testing.builders import created

from session_api.presence import queries
from session_api.presence.domain import POLLING_COUNTS_FOR, Sighting
from session_api.sessions import store
from session_api.sessions.domain.decider import evolve
from twotop_common.testing.backends import ServiceDatabase

pytestmark = pytest.mark.integration

NOW = datetime(2026, 5, 2, 19, 0, tzinfo=UTC)
BEFORE = (None, *(NOW - timedelta(seconds=seconds) for seconds in (60, 30, 20, 10)))


def sightings_of(phone: UUID) -> list[Sighting | None]:
    return [None, *(Sighting(phone, connected, gone, polled) for connected, gone, polled in product(BEFORE, repeat=3))]


async def test_a_wish_is_looked_at_when_its_phone_is_there_and_the_other_absent_or_never_heard_of(
    service_database: ServiceDatabase,
) -> None:
    a, b = uuid4(), uuid4()
    cases = {uuid4(): case for case in product(sightings_of(a), sightings_of(b))}
    expected = {
        session_id
        for session_id, (of_a, of_b) in cases.items()
        if of_a is not None and not of_a.absent(NOW) and (of_b is None or of_b.absent(NOW))
    }
    rows = [
        (session_id, one.participant_id, one.connected_at, one.gone_at, one.polled_at)
        for session_id, (of_a, of_b) in cases.items()
        for one in (of_a, of_b)
        if one is not None
    ]
    url = await service_database("session_api")
    await write_heads(url, list(cases), awaited=b)
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        await pool.copy_records_to_table("sightings", records=rows)
        assert await queries.wishes_to_release(pool, NOW - POLLING_COUNTS_FOR) == expected
    assert 0 < len(expected) < len(cases)


async def write_heads(url: str, waiting: list[UUID], awaited: UUID) -> None:
    """Copies of one session, in each of which ``awaited`` is waited for."""
    first = created()
    connection = await asyncpg.connect(url)
    try:
        await store.create(connection, [first], evolve(None, first))
        columns = "location_id, table_id, mode, state, last_seq, code_version, document, created_at, active_at, due_at"
        await connection.execute(
            f"INSERT INTO session_heads (session_id, {columns}, awaited) "
            f"SELECT w.session_id, {columns}, ARRAY[$2::uuid] FROM session_heads, unnest($1::uuid[]) AS w (session_id)",
            waiting,
            awaited,
        )
    finally:
        await connection.close()
