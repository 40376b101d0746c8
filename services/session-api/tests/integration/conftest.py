"""A furnished database and a house on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from session_api_testing.house import House, furnish, running_house

from session_api.settings import SessionApiSettings
from twotop_common.service_defaults.settings import load_settings
from twotop_common.testing.backends import ServiceDatabase
from twotop_common.testing.fakes import Clock


@pytest_asyncio.fixture
async def settings(service_database: ServiceDatabase, broker_url: str, redis_url: str) -> SessionApiSettings:
    database_url = await service_database("session_api")
    await furnish(database_url)
    return load_settings(
        SessionApiSettings,
        environment="test",
        database_url=database_url,
        broker_url=broker_url,
        redis_url=redis_url,
        rate_limits_enabled=False,
    )


@pytest_asyncio.fixture
async def house(settings: SessionApiSettings) -> AsyncIterator[House]:
    async with running_house(settings) as running:
        yield running


@pytest_asyncio.fixture
async def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def still_house(settings: SessionApiSettings, clock: Clock) -> AsyncIterator[House]:
    """A house whose time stands until the test moves it."""
    async with running_house(settings, clock) as running:
        yield running
