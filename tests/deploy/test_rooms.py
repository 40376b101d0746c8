"""What the check of a service's rooms finds, and what it lets pass."""

from __future__ import annotations

import runpy
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
CHECK = runpy.run_path(str(ROOT / "deploy" / "rooms.py"))["check"]


def found_in(place: Path, code: str) -> list[str]:
    """The findings in ``code`` if it stood at ``place``."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(dedent(code))
    return [what for _, what in CHECK(place)]


@pytest.mark.parametrize(
    "code",
    [
        "await connection.execute('DELETE FROM sessions')",
        "await pool.fetch(f'SELECT 1 FROM {table}', 1)",
        "await pool.fetchrow('SELECT 1')",
        "await pool.fetchval('SELECT 1')",
        "await connection.executemany('INSERT INTO t VALUES ($1)', rows)",
    ],
)
@pytest.mark.parametrize("room", ["handlers.py", "handlers/start.py", "bootstrap.py", "cli.py", "log.py"])
def test_a_statement_outside_the_rooms_of_sql_is_found(tmp_path: Path, room: str, code: str) -> None:
    (what,) = found_in(tmp_path / room, code)
    assert "with a statement" in what


@pytest.mark.parametrize("room", ["queries.py", "queries/places.py", "store.py", "tables.py"])
def test_the_rooms_of_sql_may_write_it(tmp_path: Path, room: str) -> None:
    code = "import asyncpg\nfrom sqlalchemy import text\nawait connection.execute('DELETE FROM sessions')"
    assert found_in(tmp_path / room, code) == []


@pytest.mark.parametrize(
    "code",
    [
        "import asyncpg\nasyncpg.connect()",
        "from asyncpg import connect",
        "import asyncpg.pool",
        "import sqlalchemy",
        "from sqlalchemy import select",
        "from sqlmodel import select",
    ],
)
def test_a_handler_uses_nothing_of_the_database(tmp_path: Path, code: str) -> None:
    assert len(found_in(tmp_path / "handlers.py", code)) == 1


def test_a_handler_may_name_types_and_errors_and_run_what_is_no_statement(tmp_path: Path) -> None:
    code = """
        import asyncpg
        from sqlalchemy.exc import IntegrityError
        from sqlalchemy.ext.asyncio import AsyncSession

        async def handle(pool: asyncpg.Pool, session: AsyncSession) -> None:
            try:
                await log.execute(request)
            except asyncpg.LockNotAvailableError:
                await pipeline.execute()
    """
    assert found_in(tmp_path / "handlers.py", code) == []


def test_adapters_are_built_in_bootstrap(tmp_path: Path) -> None:
    code = "import asyncpg\nasyncpg.create_pool()"
    assert any("built in bootstrap" in what for what in found_in(tmp_path / "api.py", code))
    assert found_in(tmp_path / "bootstrap.py", code) == []
