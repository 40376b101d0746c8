"""Migrations up and down, one at a time across all instances: Alembic under an advisory lock.

A service's ``migrations/env.py`` is three lines:

    from twotop_common.service_defaults.migrations import run_env

    run_env()

Functions are synchronous; from a running event loop call them with ``asyncio.to_thread``.
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Callable
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from twotop_common.service_defaults.logging import get_logger
from twotop_common.service_defaults.settings import sqlalchemy_url

log = get_logger(__name__)
LOCK = 0x74776F746F70
"""Key of the advisory lock ("twotop" in hex); each database has its own."""

# Alembic keeps the running migration in module globals.
_one_at_a_time = threading.Lock()


def migrate(database_url: str, package: str, *, to: str = "head") -> None:
    """Bring the database of ``package`` up to revision ``to``. Safe to call from many instances at once."""
    _run(database_url, package, lambda config: command.upgrade(config, to))
    log.info("database.migrated", package=package, to=to)


def downgrade(database_url: str, package: str, *, to: str = "base") -> None:
    """Take the database of ``package`` down to revision ``to``."""
    _run(database_url, package, lambda config: command.downgrade(config, to))
    log.info("database.downgraded", package=package, to=to)


def migrations_path(package: str) -> Path:
    """Where the migrations of ``package`` lie: beside its ``src`` in a checkout, inside the package when installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(package)
    inside = Path(spec.origin).parent
    for candidate in (inside / "migrations", inside.parent.parent / "migrations"):
        if (candidate / "env.py").is_file():
            return candidate
    raise FileNotFoundError(f"{package} has no migrations")


def run_env(metadata: MetaData | None = None) -> None:
    """All that a service's ``env.py`` does: run the migrations on the connection that the runner holds."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def _run(database_url: str, package: str, act: Callable[[Config], None]) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_path(package)))

    def on_connection(connection: Connection) -> None:
        config.attributes["connection"] = connection
        act(config)

    async def locked() -> None:
        engine = create_async_engine(sqlalchemy_url(database_url), poolclass=pool.NullPool)
        try:
            async with engine.connect() as holder:
                await holder.execution_options(isolation_level="AUTOCOMMIT")
                await holder.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
                async with engine.connect() as connection:
                    await connection.run_sync(on_connection)
                    await connection.commit()
        finally:
            await engine.dispose()

    with _one_at_a_time:
        asyncio.run(locked())
