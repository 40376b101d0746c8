"""Fixtures of pairing's integration tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from pairing_testing.house import Instance, open_instance
from pairing_testing.serving import Others, open_others

from pairing.settings import PairingSettings
from twotop_common.testing.backends import ServiceDatabase


@pytest_asyncio.fixture
async def database_url(service_database: ServiceDatabase) -> str:
    """A migrated database of this test's own."""
    return await service_database("pairing")


@pytest_asyncio.fixture
async def instance(database_url: str) -> AsyncIterator[Instance]:
    """One instance of pairing, without HTTP and broker, and with a clock that stands."""
    async with open_instance(database_url) as opened:
        yield opened


@pytest_asyncio.fixture
async def settings(database_url: str, broker_url: str, redis_url: str) -> PairingSettings:
    """Settings of a whole instance on this test's database, vhost and Redis."""
    return PairingSettings(environment="test", database_url=database_url, broker_url=broker_url, redis_url=redis_url)


@pytest_asyncio.fixture
async def others(broker_url: str) -> AsyncIterator[Others]:
    """The other services."""
    async with open_others(broker_url) as opened:
        yield opened
