"""Databases, migrations, flags and the inbox on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

import asyncpg
import pytest
import typer
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs
from typer.testing import CliRunner

from twotop_common.contracts.registry import Service
from twotop_common.contracts.session_api import FlagChanged
from twotop_common.messaging.inbox import InboxRow, first_time, prune_inbox
from twotop_common.messaging.outbox import OutboxRow
from twotop_common.service_defaults import databases, feature_flags
from twotop_common.service_defaults.database import looks_unavailable, open_database, open_database_at, open_pool
from twotop_common.service_defaults.feature_flags import FeatureFlags, FlagRow, apply_flag
from twotop_common.service_defaults.health import Health, database_check, pool_check, redis_check
from twotop_common.service_defaults.migrations import downgrade, migrate, migrations_path
from twotop_common.service_defaults.settings import ServiceSettings
from twotop_common.testing.backends import Start
from twotop_common.testing.eventually import eventually
from twotop_common.testing.proxy import proxied

pytestmark = pytest.mark.integration


class Settings(ServiceSettings):
    service: ClassVar[Service] = "pairing"


ENV = "from twotop_common.service_defaults.migrations import run_env\n\nrun_env()\n"
FIRST = """
from alembic import op

from twotop_common.messaging.inbox import INBOX_DDL
from twotop_common.messaging.outbox import OUTBOX_DDL
from twotop_common.service_defaults.feature_flags import FLAGS_DDL

revision = "0001"
down_revision = None


def upgrade():
    for ddl in (OUTBOX_DDL, INBOX_DDL, FLAGS_DDL):
        op.execute(ddl)


def downgrade():
    for table in ("outbox", "inbox", "flags"):
        op.drop_table(table)
"""
SECOND = """
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.execute("ALTER TABLE flags ADD COLUMN note text NOT NULL DEFAULT 'x'")


def downgrade():
    op.drop_column("flags", "note")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package with two migrations, laid out like a service's checkout."""
    name = f"migrated_{uuid.uuid4().hex}"
    (tmp_path / "src" / name).mkdir(parents=True)
    (tmp_path / "src" / name / "__init__.py").write_text("")
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / "migrations" / "env.py").write_text(ENV)
    (versions / "0001_first.py").write_text(FIRST)
    (versions / "0002_second.py").write_text(SECOND)
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    yield name
    sys.modules.pop(name, None)


async def tables(database_url: str) -> set[str]:
    connection = await asyncpg.connect(database_url)
    found = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    return {row["tablename"] for row in found}


async def test_migrations_go_up_down_and_up_again_with_data(empty_database: str, package: str) -> None:
    await asyncio.to_thread(migrate, empty_database, package, to="0001")
    connection = await asyncpg.connect(empty_database)
    await connection.execute("INSERT INTO flags VALUES ('F', true, 1)")
    await asyncio.to_thread(migrate, empty_database, package)
    await asyncio.to_thread(migrate, empty_database, package)
    assert await connection.fetchval("SELECT note FROM flags") == "x"
    await asyncio.to_thread(downgrade, empty_database, package, to="0001")
    assert await connection.fetchval("SELECT count(*) FROM flags") == 1
    await asyncio.to_thread(downgrade, empty_database, package)
    assert await tables(empty_database) == {"alembic_version"}
    await asyncio.to_thread(migrate, empty_database, package)
    assert await tables(empty_database) == {"alembic_version", "outbox", "inbox", "flags"}
    await connection.close()


async def test_instances_that_migrate_at_once_wait_for_each_other(empty_database: str, package: str) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from twotop_common.service_defaults.migrations import migrate\n"
        "migrate(sys.argv[2], sys.argv[3])\n"
    )
    source = str(migrations_path(package).parent / "src")
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program, source, empty_database, package)
        for _ in range(2)
    ]
    assert await asyncio.gather(*(process.wait() for process in processes)) == [0, 0]


def test_a_package_without_migrations_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="json"):
        migrations_path("json")
    with pytest.raises(ModuleNotFoundError):
        migrations_path("no_such_package")


async def test_table_classes_fit_the_tables(database_url: str) -> None:
    async with open_database_at(database_url) as database, database.sessions.begin() as session:
        session.add(OutboxRow(message_id=uuid4(), type="t", body=b"{}", headers={"a": "b"}))
        session.add(InboxRow(consumer="c", message_id=uuid4()))
        session.add(FlagRow(name="F", enabled=True, version=1))
        await session.flush()
        assert (await session.execute(text("SELECT headers->>'a' FROM outbox"))).scalar() == "b"


async def test_the_inbox_tells_the_first_time_from_the_others(database_url: str) -> None:
    message_id = uuid4()
    async with open_database_at(database_url) as database:
        async with database.sessions.begin() as session:
            assert await first_time(session, "a", message_id)
            assert not await first_time(session, "a", message_id)
            assert await first_time(session, "b", message_id)
        async with database.sessions() as session:
            assert await first_time(session, "a", uuid4())
            await session.rollback()
        async with database.sessions.begin() as session:
            assert await prune_inbox(session, older_than=datetime.now(UTC) - timedelta(hours=1)) == 0
            assert await prune_inbox(session, older_than=datetime.now(UTC) + timedelta(hours=1)) == 2


async def test_two_deliveries_at_once_are_one_first_time(database_url: str) -> None:
    message_id = uuid4()
    async with open_database_at(database_url) as database:

        async def deliver() -> bool:
            async with database.sessions.begin() as session:
                return await first_time(session, "a", message_id)

        assert sorted(await asyncio.gather(*(deliver() for _ in range(6)))) == [False] * 5 + [True]


async def test_the_newest_version_of_a_flag_wins(database_url: str, start: Start) -> None:
    async with open_database_at(database_url) as database:
        flags = FeatureFlags(database.sessions, {"F": True, "G": False})
        await flags.load()
        start(flags.run)
        assert flags.enabled("F")
        for enabled, version, stored in ((False, 2, True), (True, 1, False), (False, 2, False)):
            async with database.sessions.begin() as session:
                change = FlagChanged(name="F", enabled=enabled, version=version)
                assert await apply_flag(session, change) is stored
        async with database.sessions.begin() as session:
            await apply_flag(session, FlagChanged(name="UNKNOWN_HERE", enabled=True, version=1))
        # Another instance applied it; this one looks by itself.
        await eventually(lambda: not flags.enabled("F"))
        assert not flags.enabled("G")
        with pytest.raises(KeyError):
            flags.enabled("UNKNOWN_HERE")


async def test_flags_stand_while_the_database_is_away(
    database_url: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_flags, "REFRESH_S", 0.05)
    async with proxied(database_url) as proxy, open_database_at(proxy.url) as database:
        flags = FeatureFlags(database.sessions, {"F": True})
        await flags.load()
        with capture_logs() as logs:
            start(flags.run)
            await proxy.cut()
            await eventually(lambda: [entry for entry in logs if entry["event"] == "flags.database_away"])
        assert flags.enabled("F")
        await proxy.restore()
        async with database.sessions.begin() as session:
            await apply_flag(session, FlagChanged(name="F", enabled=False, version=1))
        await eventually(lambda: not flags.enabled("F"))


async def test_what_is_away_looks_so_and_what_is_wrong_does_not(database_url: str) -> None:
    async with proxied(database_url) as proxy, open_database_at(proxy.url) as database:
        async with database.sessions() as session:
            with pytest.raises(DBAPIError) as wrong:
                await session.execute(text("SELECT nothing FROM nowhere"))
            await session.rollback()
            with pytest.raises(DBAPIError) as unfit:
                await session.execute(text("SELECT CAST(:n AS integer)"), {"n": "x"})
            await session.rollback()
            assert not looks_unavailable(wrong.value)
            assert not looks_unavailable(unfit.value)
            await session.execute(text("SELECT 1"))
            await proxy.cut()
            with pytest.raises((DBAPIError, OSError)) as lost:
                await session.execute(text("SELECT 1"))
            assert looks_unavailable(lost.value)
        with pytest.raises((DBAPIError, OSError)) as refused:
            async with database.engine.connect():
                pass
        assert looks_unavailable(refused.value)
    assert looks_unavailable(asyncpg.TooManyConnectionsError())
    assert looks_unavailable(asyncpg.DeadlockDetectedError())
    assert not looks_unavailable(asyncpg.UniqueViolationError())
    assert not looks_unavailable(RuntimeError())


async def test_the_pool_speaks_json_and_both_ways_in_are_checked(database_url: str, redis_url: str) -> None:
    settings = Settings(environment="test", database_url=database_url)
    async with open_pool(settings) as pool, open_database(settings) as database:
        assert await pool.fetchval("SELECT $1::jsonb", {"a": [1, None]}) == {"a": [1, None]}
        checks = [pool_check(pool), redis_check(redis_url)]
        report = await Health("pairing", checks).detailed()
        assert report["dependencies"]["database"]["status"] == "ok"
        assert report["dependencies"]["redis"]["status"] == "ok"
        without = await Health("pairing", [pool_check(pool), redis_check("redis://127.0.0.1:1/0")]).detailed()
        assert without["status"] == "degraded"
        assert without["dependencies"]["redis"]["status"] == "failed"
        assert (await Health("pairing", [database_check(database.engine)]).detailed())["status"] == "ok"


async def test_a_connection_comes_back_to_the_pool_without_a_trip_and_without_its_open_transaction(
    database_url: str,
) -> None:
    settings = Settings(environment="test", database_url=database_url)
    async with open_pool(settings, min_size=1, max_size=1) as pool:
        async with pool.acquire() as connection:
            pid = await connection.fetchval("SELECT pg_backend_pid()")
            await connection.execute("SELECT 'the last word'")
        watcher = await asyncpg.connect(database_url)
        last = await watcher.fetchval("SELECT query FROM pg_stat_activity WHERE pid = $1", pid)
        await watcher.close()
        assert last == "SELECT 'the last word'"
        async with pool.acquire() as connection:
            await connection.execute("BEGIN")
            await connection.execute("CREATE TABLE left_open (id int)")
        assert await pool.fetchval("SELECT pg_backend_pid()") == pid
        assert await pool.fetchval("SELECT to_regclass('left_open')") is None


async def test_the_bootstrap_makes_roles_and_databases_and_can_be_repeated(
    postgres_admin_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = f"role_{uuid.uuid4().hex[:12]}"
    other = f"other_{uuid.uuid4().hex[:12]}"
    admin = await asyncpg.connect(postgres_admin_url)
    try:
        await databases.bootstrap(postgres_admin_url, {role: "it's one", other: "o"})
        await databases.bootstrap(postgres_admin_url, {role: "it's two", other: "o"})
        mine = await asyncpg.connect(databases.database_url(postgres_admin_url, role, "it's two"))
        await mine.execute("CREATE TABLE mine (id int)")
        await mine.close()
        with pytest.raises(asyncpg.PostgresError):
            await asyncpg.connect(databases.database_url(postgres_admin_url, role, "it's two", database=other))
    finally:
        for name in (role, other):
            await admin.execute(f'DROP DATABASE IF EXISTS "{name}"')
            await admin.execute(f'DROP ROLE IF EXISTS "{name}"')
        await admin.close()


def test_the_bootstrap_is_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, str]] = []

    async def remember(admin_url: str, passwords: dict[str, str]) -> None:
        made.append(passwords)

    monkeypatch.setattr(databases, "bootstrap", remember)
    app = typer.Typer()
    app.command()(databases.main)
    run = CliRunner().invoke
    assert run(app, ["--admin-url", "postgresql://a/", "--password", "pairing=s", "--only", "pairing"]).exit_code == 0
    assert run(app, ["--admin-url", "postgresql://a/"]).exit_code == 0
    assert run(app, ["--admin-url", "postgresql://a/", "--password", "nobody=x"]).exit_code == 2
    assert made == [{"pairing": "s"}, {name: name for name in databases.ROLES}]
