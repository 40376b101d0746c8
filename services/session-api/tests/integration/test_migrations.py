"""The database goes up, down and up again, and keeps what it may keep."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from session_api_testing.house import furnish

from twotop_common.service_defaults.migrations import downgrade, migrate
from twotop_common.testing.backends import ServiceDatabase

pytestmark = pytest.mark.integration


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row["tablename"] for row in rows} - {"alembic_version"}
    finally:
        await connection.close()


async def test_up_down_up(service_database: ServiceDatabase) -> None:
    url = await service_database("session_api")
    everything = await tables(url)
    assert {"session_heads", "session_events", "session_commands", "outbox", "flags", "tables"} <= everything
    await asyncio.to_thread(downgrade, url, "session_api")
    assert await tables(url) == set()
    await asyncio.to_thread(migrate, url, "session_api")
    assert await tables(url) == everything


async def test_the_step_below_venues_keeps_sessions_with_their_data(service_database: ServiceDatabase) -> None:
    url = await service_database("session_api")
    await furnish(url)
    connection = await asyncpg.connect(url)
    await connection.execute("INSERT INTO flags (name, enabled, version) VALUES ('F', true, 3)")
    await asyncio.to_thread(downgrade, url, "session_api", to="0001")
    await asyncio.to_thread(migrate, url, "session_api")
    assert await connection.fetchval("SELECT version FROM flags WHERE name = 'F'") == 3
    await connection.close()
