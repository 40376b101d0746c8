"""A component told to stop stops, whatever the broker makes of it."""

from __future__ import annotations

import asyncio

import pytest
from aio_pika.exceptions import AMQPConnectionError
from aiormq.abc import AbstractChannel

from twotop_common.messaging.connection import BrokerConnection, work_on_channels
from twotop_common.testing.eventually import eventually
from twotop_common.testing.proxy import proxied

pytestmark = pytest.mark.integration


async def test_a_stop_that_turns_into_a_lost_connection_is_still_a_stop(broker: BrokerConnection) -> None:
    begun = asyncio.Event()

    async def work(_: AbstractChannel) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise AMQPConnectionError from None

    running = asyncio.ensure_future(work_on_channels(broker, "stopped", work))
    async with asyncio.timeout(10):
        await begun.wait()
        running.cancel()
        await asyncio.wait({running})
    assert running.cancelled()


async def test_a_connection_told_to_stop_just_as_it_is_lost_stops(broker_url: str) -> None:
    async with proxied(broker_url) as proxy:
        broker = BrokerConnection(proxy.url, "stopped as it was lost")
        running = asyncio.ensure_future(broker.run())
        await eventually(lambda: broker.connected)
        await proxy.cut()
        await eventually(lambda: not broker.connected)
        running.cancel()
        async with asyncio.timeout(10):
            await asyncio.wait({running})
    assert running.cancelled()
