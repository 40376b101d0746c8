"""Migrations go up, down and up again on a database with data, and say the same as the tables."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from pairing import tables
from twotop_common.service_defaults.migrations import downgrade, migrate
from twotop_common.service_defaults.settings import sqlalchemy_url

pytestmark = pytest.mark.integration
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
DATA = """
INSERT INTO places VALUES ('token', gen_random_uuid(), gen_random_uuid(), 'corner', 'Asia/Saigon', 4);
INSERT INTO pairings (session_id, status, ended, ended_at) VALUES (gen_random_uuid(), 'unknown', 'closed', now());
INSERT INTO pairings (session_id, table_id, status, generation, code_hash, expires_at)
VALUES (gen_random_uuid(), gen_random_uuid(), 'waiting', 1, 'k1:00', now());
INSERT INTO former_codes VALUES (gen_random_uuid(), 1, gen_random_uuid(), 'k1:01', 'expired', now());
INSERT INTO guards VALUES ('token', current_date, 3, 1), ('nowhere', current_date, 1, 0);
INSERT INTO credential_generations VALUES (gen_random_uuid(), gen_random_uuid(), 2);
INSERT INTO answers (key_hash, body_hash, state, begun_at) VALUES ('k1:02', 'k1:03', 'running', now());
INSERT INTO flags (name, enabled, version) VALUES ('f', true, 1);
INSERT INTO inbox (consumer, message_id) VALUES ('pairing', gen_random_uuid());
INSERT INTO outbox (message_id, type, body) VALUES (gen_random_uuid(), 't', '');
"""


async def test_up_down_and_up_again_with_data(empty_database: str) -> None:
    await asyncio.to_thread(migrate, empty_database, "pairing")
    connection = await asyncpg.connect(empty_database)
    try:
        made = {row["tablename"] for row in await connection.fetch(TABLES)}
        await connection.execute(DATA)
        await asyncio.to_thread(downgrade, empty_database, "pairing")
        assert await connection.fetch(TABLES) == []
        await asyncio.to_thread(migrate, empty_database, "pairing")
        assert {row["tablename"] for row in await connection.fetch(TABLES)} == made
        await connection.execute(DATA)
    finally:
        await connection.close()


async def test_counters_survive_the_change_of_their_key(empty_database: str) -> None:
    await asyncio.to_thread(migrate, empty_database, "pairing", to="0001")
    connection = await asyncpg.connect(empty_database)
    counters = "SELECT wrong_tries, unsure_tries FROM guards"
    try:
        await connection.execute(
            "INSERT INTO places VALUES ('token', gen_random_uuid(), gen_random_uuid(), 'corner', 'UTC', 4);"
            "INSERT INTO guards SELECT table_id, current_date, 3, 1 FROM places"
        )
        await asyncio.to_thread(migrate, empty_database, "pairing")
        assert await connection.fetchval("SELECT table_token FROM guards") == "token"
        assert [tuple(row) for row in await connection.fetch(counters)] == [(3, 1)]
        await asyncio.to_thread(downgrade, empty_database, "pairing", to="0001")
        assert [tuple(row) for row in await connection.fetch(counters)] == [(3, 1)]
    finally:
        await connection.close()


async def test_sessions_that_began_before_it_was_told_have_codes_of_ten_minutes(empty_database: str) -> None:
    await asyncio.to_thread(migrate, empty_database, "pairing", to="0002")
    connection = await asyncpg.connect(empty_database)
    sessions = "SELECT count(*) FROM pairings WHERE status = 'alone'"
    try:
        await connection.execute("INSERT INTO pairings (session_id, status) VALUES (gen_random_uuid(), 'alone')")
        await asyncio.to_thread(migrate, empty_database, "pairing")
        assert await connection.fetchval("SELECT code_life_s FROM pairings") == 600
        await connection.execute("UPDATE pairings SET code_life_s = 90")
        await asyncio.to_thread(downgrade, empty_database, "pairing", to="0002")
        assert await connection.fetchval(sessions) == 1
    finally:
        await connection.close()


async def test_what_is_known_of_a_partner_survives_the_column_for_its_requests(empty_database: str) -> None:
    await asyncio.to_thread(migrate, empty_database, "pairing", to="0003")
    connection = await asyncpg.connect(empty_database)
    partners = "SELECT count(*) FROM pairings WHERE partner_id IS NOT NULL AND partner_away"
    try:
        await connection.execute(
            "INSERT INTO pairings (session_id, status, partner_id, matched_at, partner_away, partner_seen_at)"
            " VALUES (gen_random_uuid(), 'paired', gen_random_uuid(), now(), true, now())"
        )
        await asyncio.to_thread(migrate, empty_database, "pairing")
        assert await connection.fetchval("SELECT partner_polled_at FROM pairings") is None
        await connection.execute("UPDATE pairings SET partner_polled_at = now()")
        await asyncio.to_thread(downgrade, empty_database, "pairing", to="0003")
        assert await connection.fetchval(partners) == 1
    finally:
        await connection.close()


async def test_migrations_make_the_tables_that_the_code_expects(empty_database: str) -> None:
    await asyncio.to_thread(migrate, empty_database, "pairing")

    def differences(connection: Connection) -> list[object]:
        own = {"alembic_version", *(getattr(tables, name).__tablename__ for name in tables.__all__)}
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _: kind != "table" or name in own, "compare_type": False},
        )
        found: list[object] = compare_metadata(context, tables.PairingRow.metadata)
        return [item for item in found if _concerns(item, own)]

    engine = create_async_engine(sqlalchemy_url(empty_database))
    try:
        async with engine.connect() as connection:
            assert await connection.run_sync(differences) == []
    finally:
        await engine.dispose()


def _concerns(difference: object, own: set[str]) -> bool:
    # Other services' tables and their indexes may be registered in the same process.
    if not isinstance(difference, tuple) or difference[0] not in ("add_table", "add_index"):
        return True
    table = difference[1] if difference[0] == "add_table" else difference[1].table
    return getattr(table, "name", "") in own
