"""The venue migration goes up and down and up again beside data that is not its own."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from twotop_common.service_defaults.migrations import downgrade, migrate
from twotop_common.testing.backends import ServiceDatabase

pytestmark = pytest.mark.integration

OWN = {"tenants", "locations", "tables", "analytics_events"}


async def tables_of(url: str) -> set[str]:
    return {row["tablename"] for row in await rows(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


async def rows(url: str, statement: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


async def test_down_takes_only_its_own_tables_and_up_brings_them_back(service_database: ServiceDatabase) -> None:
    url = await service_database("session_api")
    everything = await tables_of(url)
    assert everything >= OWN
    await rows(
        url,
        """
        WITH tenant AS (INSERT INTO tenants VALUES (gen_random_uuid(), 'acme', 'Acme') RETURNING id)
        INSERT INTO locations
        SELECT gen_random_uuid(), id, 'one', 'One', 'UTC', 4, 'en', 'EUR', 10, '{}', '{}' FROM tenant
        """,
    )
    await rows(url, "INSERT INTO flags (name, enabled, version) VALUES ('KEPT', true, 7)")
    await asyncio.to_thread(downgrade, url, "session_api", to="0001")
    assert await tables_of(url) == everything - OWN
    await asyncio.to_thread(migrate, url, "session_api")
    assert await tables_of(url) == everything
    assert await rows(url, "SELECT * FROM locations") == []
    assert [row["version"] for row in await rows(url, "SELECT version FROM flags WHERE name = 'KEPT'")] == [7]


async def test_migrating_up_again_keeps_what_is_there(service_database: ServiceDatabase) -> None:
    url = await service_database("session_api")
    await rows(url, "INSERT INTO tenants VALUES (gen_random_uuid(), 'acme', 'Acme')")
    await asyncio.to_thread(migrate, url, "session_api")
    assert [row["slug"] for row in await rows(url, "SELECT slug FROM tenants")] == ["acme"]
