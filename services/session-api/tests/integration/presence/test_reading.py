"""What is known of phones, read for many sessions at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from session_api.presence import queries
from session_api.presence.domain import Sighting
from session_api.presence.reading import SightingsReader
from twotop_common.testing.backends import ServiceDatabase

pytestmark = pytest.mark.integration

NOW = datetime(2026, 5, 2, 19, 0, tzinfo=UTC)


async def test_who_asks_at_once_gets_its_own_sessions_phones_and_no_others(service_database: ServiceDatabase) -> None:
    phones = [(uuid4(), uuid4()) for _ in range(50)]
    async with asyncpg.create_pool(await service_database("session_api"), min_size=1, max_size=2) as pool:
        await queries.note_polled(pool, dict.fromkeys(phones, NOW))
        reader = SightingsReader(pool)
        asked = [reader.of(session_id) for session_id, _ in phones * 2]
        known = await asyncio.gather(*asked, reader.of(uuid4()))
    assert known == [[Sighting(phone, None, None, NOW)] for _, phone in phones * 2] + [[]]


async def test_who_asks_during_a_reading_is_told_what_was_written_before_it_asked(
    service_database: ServiceDatabase,
) -> None:
    session_id, phone = uuid4(), uuid4()
    async with asyncpg.create_pool(await service_database("session_api"), min_size=2, max_size=2) as pool:
        reader = SightingsReader(pool)
        for number in range(100):
            at = NOW + timedelta(seconds=number)
            earlier = asyncio.create_task(reader.of(session_id))
            await queries.note_polled(pool, {(session_id, phone): at})
            assert await reader.of(session_id) == [Sighting(phone, None, None, at)]
            await earlier


async def test_a_reading_that_fails_is_told_to_all_who_asked_and_the_next_is_made_anew(
    service_database: ServiceDatabase,
) -> None:
    async with asyncpg.create_pool(await service_database("session_api"), min_size=1, max_size=1) as pool:
        reader = SightingsReader(pool)
        async with pool.acquire() as connection:
            await connection.execute("ALTER TABLE sightings RENAME TO elsewhere")
            failed = asyncio.gather(*(reader.of(uuid4()) for _ in range(3)), return_exceptions=True)
            await asyncio.sleep(0)
        assert all(isinstance(error, asyncpg.UndefinedTableError) for error in await failed)
        await pool.execute("ALTER TABLE elsewhere RENAME TO sightings")
        assert await reader.of(uuid4()) == []
