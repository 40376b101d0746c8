"""The database goes up, down and up again with data, keeps what it may keep, and is what the tables in code say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from session_api_testing.builders import PHONE_A, created
from session_api_testing.house import furnish
from sqlalchemy import Connection, MetaData, Text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import AutoString, SQLModel

from session_api.analytics.domain import analytics_of
from session_api.analytics.tables import AnalyticsRow
from session_api.play.domain.commands import ChooseContext
from session_api.play.tables import QuestionSetRow
from session_api.presence.tables import SightingRow
from session_api.sessions import queries, store
from session_api.sessions.domain.decider import decide, evolve, record
from session_api.sessions.store import Append
from session_api.sessions.tables import CreationRow, SessionCommandRow, SessionEventRow, SessionHeadRow
from session_api.venues.tables import LocationRow, TableRow, TenantRow
from twotop_common.contracts.cleanup_worker import ExpireSession
from twotop_common.messaging.outbox import OutboxRow, outbox_record
from twotop_common.service_defaults.feature_flags import FlagRow
from twotop_common.service_defaults.migrations import downgrade, migrate
from twotop_common.service_defaults.settings import sqlalchemy_url
from twotop_common.testing.backends import ServiceDatabase

pytestmark = pytest.mark.integration

Rows = dict[str, list[str]]
SESSIONS = (SessionHeadRow, SessionEventRow, SessionCommandRow, CreationRow, OutboxRow, FlagRow)
VENUES = (TenantRow, LocationRow, TableRow, AnalyticsRow)
GAME = (QuestionSetRow, SightingRow)
NEW_IN_HEADS = ("waiting_since", "awaited")


def names(models: Iterable[type[SQLModel]]) -> set[str]:
    return {str(model.__tablename__) for model in models}


async def stored(url: str, without: Sequence[str] = ()) -> Rows:
    """Every row of every table, as text; columns named ``without`` are left out."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {
            name: [
                row["line"]
                for row in await connection.fetch(
                    f"SELECT (to_jsonb(t) - $1::text[])::text AS line FROM {name} AS t ORDER BY 1", list(without)
                )
            ]
            for (name,) in tables
            if name != "alembic_version"
        }
    finally:
        await connection.close()


async def play(connection: asyncpg.Connection[Any]) -> UUID:
    """A session that began and went on, written as the service writes it. Its id."""
    now = datetime.now(UTC)
    first = created("single", at=now)
    state = evolve(None, first)
    await store.create(connection, [first], state)
    decided = record(state, decide(state, ChooseContext("mature"), PHONE_A), now, str(PHONE_A), "c1")
    after = state
    for entry in decided:
        after = evolve(after, entry)
    message = outbox_record(
        ExpireSession(session_id=after.session_id, due_at=now), subject=str(after.session_id), source="cleanup-worker"
    )
    rows = analytics_of(state.play, [first], state)
    item = Append(state.last_seq, str(PHONE_A), "key", b"body", decided, after, now, [message], rows)
    assert await store.append(connection, [item]) == {after.session_id}
    await connection.execute(
        "INSERT INTO creations VALUES ($1, $2, $3, $4, $5)",
        "k1:00",
        b"body",
        after.session_id,
        "k1",
        now + timedelta(minutes=10),
    )
    await connection.execute("INSERT INTO question_sets VALUES ('mature', 3, '{}', $1)", now)
    await connection.execute("INSERT INTO sightings VALUES ($1, $2, $3, NULL, $3)", after.session_id, PHONE_A, now)
    await connection.execute("INSERT INTO flags (name, enabled, version) VALUES ('F', true, 3)")
    return after.session_id


@pytest_asyncio.fixture
async def url(service_database: ServiceDatabase) -> str:
    return await service_database("session_api")


@pytest_asyncio.fixture
async def session_id(url: str) -> UUID:
    """Of a session in a furnished house: no table of the database is empty."""
    await furnish(url)
    connection = await asyncpg.connect(url)
    try:
        return await play(connection)
    finally:
        await connection.close()


async def test_up_down_and_up_again_with_data(url: str, session_id: UUID) -> None:
    before = await stored(url)
    assert before.keys() == names((*SESSIONS, *VENUES, *GAME))
    assert all(before.values())
    await asyncio.to_thread(downgrade, url, "session_api")
    assert await stored(url) == {}
    await asyncio.to_thread(migrate, url, "session_api")
    assert await stored(url) == {name: [] for name in before}


async def test_the_step_below_the_game_keeps_everything_else(url: str, session_id: UUID) -> None:
    before = await stored(url, NEW_IN_HEADS)
    await asyncio.to_thread(downgrade, url, "session_api", to="0003")
    kept = {name: before[name] for name in names((*SESSIONS, *VENUES))}
    assert await stored(url) == kept
    await asyncio.to_thread(migrate, url, "session_api")
    assert await stored(url, NEW_IN_HEADS) == kept | {name: [] for name in names(GAME)}


async def test_the_step_below_the_log_saying_who_waits_keeps_the_waiting_wishes(url: str, session_id: UUID) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("UPDATE session_heads SET awaited = $1", [PHONE_A])
        since = await connection.fetchval("SELECT active_at FROM session_heads")
        before = await stored(url, NEW_IN_HEADS)
        await asyncio.to_thread(downgrade, url, "session_api", to="0004")
        waiting = await connection.fetch("SELECT * FROM waiting_wishes")
        assert [tuple(row) for row in waiting] == [(session_id, since)]
        await asyncio.to_thread(migrate, url, "session_api")
        assert await stored(url, NEW_IN_HEADS) == before
    finally:
        await connection.close()


async def test_the_step_below_venues_keeps_sessions_with_their_data(url: str, session_id: UUID) -> None:
    before = await stored(url, NEW_IN_HEADS)
    await asyncio.to_thread(downgrade, url, "session_api", to="0001")
    kept = {name: before[name] for name in names(SESSIONS)}
    assert await stored(url) == kept
    await asyncio.to_thread(migrate, url, "session_api")
    assert await stored(url, NEW_IN_HEADS) == kept | {name: [] for name in names((*VENUES, *GAME))}
    connection = await asyncpg.connect(url)
    try:
        head = await queries.find_head(connection, session_id)
        assert head is not None
        events = await queries.events_after(connection, session_id, 0, limit=None)
        assert [entry.type for entry in events] == ["session_created", "context_chosen", "mature_opted_in"]
        assert (head.state.last_seq, head.state.play.context) == (3, "mature")
    finally:
        await connection.close()


async def test_migrating_up_again_keeps_everything(url: str, session_id: UUID) -> None:
    before = await stored(url)
    await asyncio.to_thread(migrate, url, "session_api")
    assert await stored(url) == before


async def test_the_tables_in_code_are_those_of_the_migrations(url: str) -> None:
    # Other services' tables may be registered in the same process.
    ours = MetaData()
    for name in names((*SESSIONS, *VENUES, *GAME)):
        SQLModel.metadata.tables[name].to_metadata(ours)

    def differs_in_type(_: object, __: object, ___: object, stored_as: object, declared: object) -> bool | None:
        # A text of any length has two names; whatever else differs is Alembic's to say.
        return False if isinstance(stored_as, Text) and isinstance(declared, AutoString) else None

    def differences(connection: Connection) -> list[Any]:
        options = {"compare_type": differs_in_type, "include_name": lambda name, *_: name != "alembic_version"}
        found: list[Any] = compare_metadata(MigrationContext.configure(connection, opts=options), ours)
        return found

    engine = create_async_engine(sqlalchemy_url(url))
    try:
        async with engine.connect() as connection:
            assert await connection.run_sync(differences) == []
    finally:
        await engine.dispose()
