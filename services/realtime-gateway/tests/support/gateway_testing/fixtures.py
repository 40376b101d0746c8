"""The pytest plugin of the gateway's tests: one house for each integration test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from gateway_testing.house import House, open_house
from twotop_common.testing.backends import ServiceDatabase


@pytest_asyncio.fixture
async def house(service_database: ServiceDatabase, broker_url: str, redis_url: str) -> AsyncIterator[House]:
    """Everything around the gateways; start them with ``await house.gateway()``."""
    async with open_house(await service_database("realtime_gateway"), broker_url, redis_url) as opened:
        yield opened
