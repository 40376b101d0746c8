"""Broker components that run beside a test, and a database with the tables of common."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable

import asyncpg
import httpx
import pytest_asyncio

from twotop_common.messaging.connection import BrokerConnection
from twotop_common.messaging.inbox import INBOX_DDL
from twotop_common.messaging.outbox import OUTBOX_DDL
from twotop_common.messaging.publisher import Publisher
from twotop_common.service_defaults.feature_flags import FLAGS_DDL
from twotop_common.testing.backends import Start
from twotop_common.testing.eventually import eventually


@pytest_asyncio.fixture
async def broker(broker_url: str, start: Start) -> BrokerConnection:
    connection = BrokerConnection(broker_url, "test")
    start(connection.run)
    return connection


@pytest_asyncio.fixture
async def publisher(broker: BrokerConnection, start: Start) -> Publisher:
    publisher = Publisher(broker)
    start(publisher.run)
    await eventually(lambda: publisher.connected)
    return publisher


@pytest_asyncio.fixture
async def database_url(empty_database: str) -> str:
    """A database with outbox, inbox and flags."""
    connection = await asyncpg.connect(empty_database)
    for ddl in (OUTBOX_DDL, INBOX_DDL, FLAGS_DDL):
        await connection.execute(ddl)
    await connection.close()
    return empty_database


@pytest_asyncio.fixture
async def drop_connections(broker_api: httpx.AsyncClient, broker_url: str) -> Callable[[], Awaitable[None]]:
    """Makes the broker close every connection of this test's vhost."""
    vhost = broker_url.rsplit("/", 1)[1]

    async def drop() -> None:
        # The management API learns of a connection some seconds after it was made.
        async def connections() -> list[str]:
            answer = (await broker_api.get(f"/api/vhosts/{vhost}/connections")).json()
            return [connection["name"] for connection in answer]

        names = await eventually(connections, timeout_s=20, interval_s=0.2)
        for name in names:
            with contextlib.suppress(httpx.HTTPError):
                await broker_api.delete(f"/api/connections/{name}", headers={"X-Reason": "test"})

    return drop
