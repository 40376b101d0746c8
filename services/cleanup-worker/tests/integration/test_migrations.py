"""Migrations go up, down and up again on a database with data."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from twotop_common.service_defaults.migrations import downgrade, migrate

pytestmark = pytest.mark.integration
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"


async def test_up_down_and_up_again_with_data(empty_database: str) -> None:
    await asyncio.to_thread(migrate, empty_database, "cleanup_worker")
    connection = await asyncpg.connect(empty_database)
    try:
        tables = {row["tablename"] for row in await connection.fetch(TABLES)}
        assert tables == {"deadlines", "outbox", "inbox", "flags"}
        await connection.execute(
            "INSERT INTO deadlines (session_id, kind, position, due_at, fires_at, asked)"
            " VALUES (gen_random_uuid(), 'session', 1, now(), now(), 0)"
        )
        await connection.execute("INSERT INTO inbox (consumer, message_id) VALUES ('c', gen_random_uuid())")
        await connection.execute("INSERT INTO flags (name, enabled, version) VALUES ('f', true, 1)")
        await connection.execute("INSERT INTO outbox (message_id, type, body) VALUES (gen_random_uuid(), 't', '')")

        await asyncio.to_thread(downgrade, empty_database, "cleanup_worker")
        assert await connection.fetch(TABLES) == []
        await asyncio.to_thread(migrate, empty_database, "cleanup_worker")
        assert {row["tablename"] for row in await connection.fetch(TABLES)} == tables
    finally:
        await connection.close()
