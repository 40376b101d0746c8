"""The service's own database: an engine with sessions, a raw pool for hand-written SQL, and what "away" looks like."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from twotop_common.service_defaults.settings import ServiceSettings, sqlalchemy_url

POOL_TIMEOUT_S = 3.0
STATEMENT_TIMEOUT_MS = 10_000
IDLE_IN_TRANSACTION_MS = 15_000


@dataclass(frozen=True, slots=True)
class Database:
    """An engine and its session factory. Sessions do not expire objects on commit."""

    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]


@contextlib.asynccontextmanager
async def open_database(settings: ServiceSettings) -> AsyncIterator[Database]:
    """The service's engine; connections are made when first needed."""
    async with open_database_at(
        settings.database_url, pool_size=settings.database_pool_size, name=settings.instance
    ) as database:
        yield database


@contextlib.asynccontextmanager
async def open_database_at(database_url: str, *, pool_size: int = 8, name: str = "twotop") -> AsyncIterator[Database]:
    """``open_database`` for a plain ``postgresql://`` address."""
    engine = create_async_engine(
        sqlalchemy_url(database_url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        pool_use_lifo=True,
        # An exception's text goes to the log; what was asked for must not.
        hide_parameters=True,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args={"timeout": 5, "server_settings": _server_settings(name)},
    )
    event.listen(engine.sync_engine, "checkout", _replace_closed)
    try:
        yield Database(engine, async_sessionmaker(engine, expire_on_commit=False))
    finally:
        await engine.dispose()


@contextlib.asynccontextmanager
async def open_pool(
    settings: ServiceSettings,
    *,
    min_size: int = 2,
    max_size: int | None = None,
    on_connected: Callable[[asyncpg.Connection], Awaitable[None]] | None = None,
) -> AsyncIterator[asyncpg.Pool]:
    """A pool for hand-written SQL. ``json`` and ``jsonb`` columns are Python objects on both sides.

    ``on_connected`` has each new connection before anybody else, also those that replace lost ones.
    """

    async def prepare(connection: asyncpg.Connection) -> None:
        await set_json_codecs(connection)
        if on_connected is not None:
            await on_connected(connection)

    pool = await asyncpg.create_pool(
        settings.database_url,
        min_size=min_size,
        max_size=max_size or settings.database_pool_size,
        timeout=5,
        init=prepare,
        reset=_nothing_to_undo,
        server_settings=_server_settings(settings.instance),
    )
    try:
        yield pool
    finally:
        await close_pool(pool)


async def _nothing_to_undo(connection: asyncpg.pool.PoolConnectionProxy | asyncpg.Connection) -> None:
    """Nobody leaves settings, session locks or listeners on a connection, and what asyncpg sends to undo them costs a
    trip each time. A transaction that was left open is rolled back all the same.
    """


async def close_pool(pool: asyncpg.Pool) -> None:
    """Close a pool, by force when its connections do not come back."""
    try:
        async with asyncio.timeout(3):
            await pool.close()
    except TimeoutError:
        pool.terminate()


async def set_json_codecs(connection: Any) -> None:
    """Make ``json`` and ``jsonb`` Python objects on one asyncpg connection."""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
        )


def looks_unavailable(error: BaseException) -> bool:
    """Whether an exception says that the database or the network is away, rather than that the data is bad."""
    if isinstance(error, DBAPIError):
        cause = getattr(error.orig, "__cause__", None)
        return error.connection_invalidated or (isinstance(cause, BaseException) and looks_unavailable(cause))
    if isinstance(error, ValueError):
        # asyncpg calls an argument that it cannot encode an interface error too.
        return False
    return isinstance(
        error,
        OSError
        | TimeoutError
        | PoolTimeoutError
        | asyncpg.InterfaceError
        # What asyncpg says of a connection that the server ended while nobody was asking.
        | asyncpg.InternalClientError
        | asyncpg.PostgresConnectionError
        | asyncpg.OperatorInterventionError
        | asyncpg.InsufficientResourcesError
        | asyncpg.SerializationError
        | asyncpg.DeadlockDetectedError,
    )


def _replace_closed(connection: Any, *_: Any) -> None:
    """Let the pool replace a connection that is known to be closed; asking the server before every use costs a trip."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _server_settings(name: str) -> dict[str, str]:
    return {
        "application_name": name[:63],
        "statement_timeout": str(STATEMENT_TIMEOUT_MS),
        "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
    }
