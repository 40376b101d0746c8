"""One connection to the broker, kept alive; and channels whose work starts anew on every connection.

Invariants: ``run`` owns the connection and makes a new one until it is cancelled. Nothing survives a lost connection:
each component does its whole work in ``work_on_channels``, which is entered again on the next connection. A lost
connection never looks like a cancelled task, nor a cancelled task like a lost connection. Errors that are not the
broker's end the component, and so the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import aio_pika
import aiormq
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from aiormq.abc import AbstractChannel
from prometheus_client import Gauge
from yarl import URL

from twotop_common.service_defaults.logging import get_logger

log = get_logger(__name__)

BROKER_ERRORS: tuple[type[BaseException], ...] = (*CONNECTION_EXCEPTIONS, TimeoutError)
HEARTBEAT_S = 10
CONNECT_TIMEOUT_S = 5.0
_RETRY_S = (0.1, 0.2, 0.5, 1.0)
_QUIET_FAILURES = 30
_RANDOM = random.SystemRandom()
_CONNECTED = Gauge("twotop_broker_connected", "1 while connected to the broker", ["connection"])


class BrokerUnavailable(Exception):
    """There is no connection to the broker now."""


def heed_cancellation() -> None:
    """Raise CancelledError if this task was told to stop.

    Closing what is being lost may end in the broker's error instead of the CancelledError that it was sent.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class BrokerConnection:
    """The process's connection to RabbitMQ. ``run`` it in the background; ``connected`` says how it is."""

    def __init__(self, url: str, name: str) -> None:
        self._url = URL(url)
        if "heartbeat" not in self._url.query:
            self._url = self._url.update_query(heartbeat=str(HEARTBEAT_S))
        self.name = name
        self._transport: aiormq.abc.AbstractConnection | None = None
        self._up = asyncio.Event()

    @property
    def connected(self) -> bool:
        return self._up.is_set()

    async def run(self) -> None:
        """Keep a connection until cancelled."""
        failures = 0
        try:
            while True:
                try:
                    connection = await aio_pika.connect(
                        self._url, timeout=CONNECT_TIMEOUT_S, client_properties={"connection_name": self.name}
                    )
                except BROKER_ERRORS as error:
                    heed_cancellation()
                    if failures % _QUIET_FAILURES == 0:
                        log.warning("broker.unreachable", connection=self.name, error=type(error).__name__)
                    pause = _RETRY_S[min(failures, len(_RETRY_S) - 1)]
                    failures += 1
                    await asyncio.sleep(pause * _RANDOM.uniform(0.8, 1.2))
                    continue
                failures = 0
                await self._hold(connection)
                heed_cancellation()
        finally:
            self._lost()

    async def _hold(self, connection: aio_pika.abc.AbstractConnection) -> None:
        if connection.transport is None:
            raise BrokerUnavailable
        transport = connection.transport.connection
        self._transport = transport
        self._up.set()
        _CONNECTED.labels(self.name).set(1)
        log.info("broker.connected", connection=self.name)
        try:
            # wait() instead of awaiting: a closed connection may cancel this future, which is not our cancellation.
            await asyncio.wait({transport.closing})
            log.warning("broker.disconnected", connection=self.name)
        finally:
            self._lost()
            with contextlib.suppress(*BROKER_ERRORS):
                async with asyncio.timeout(2):
                    await connection.close()

    def _lost(self) -> None:
        self._transport = None
        self._up.clear()
        _CONNECTED.labels(self.name).set(0)

    async def get(self, timeout_s: float | None = None) -> aiormq.abc.AbstractConnection:
        """The live connection, waited for. Raises BrokerUnavailable after ``timeout_s``."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    await self._up.wait()
                    if self._transport is not None:
                        return self._transport
        except TimeoutError:
            raise BrokerUnavailable from None

    @contextlib.asynccontextmanager
    async def channel(
        self, *, confirms: bool = False, timeout_s: float | None = None
    ) -> AsyncIterator[AbstractChannel]:
        """A channel on the live connection. With ``confirms``, an unroutable mandatory message raises."""
        connection = await self.get(timeout_s)
        channel = await connection.channel(publisher_confirms=confirms, on_return_raises=confirms, timeout=5)
        try:
            yield channel
        finally:
            if not channel.is_closed:
                with contextlib.suppress(*BROKER_ERRORS):
                    async with asyncio.timeout(2):
                        await channel.close()


@contextlib.asynccontextmanager
async def open_broker(url: str, name: str) -> AsyncIterator[BrokerConnection]:
    """A connection object for ``Runtime.background``; nothing is connected before ``run``."""
    yield BrokerConnection(url, name)


async def work_on_channels(
    broker: BrokerConnection, name: str, work: Callable[[AbstractChannel], Awaitable[None]], *, confirms: bool = False
) -> None:
    """Run ``work`` on a fresh channel of every connection until cancelled; a broker error only ends that round."""
    while True:
        try:
            async with broker.channel(confirms=confirms) as channel:
                await work(channel)
        except BROKER_ERRORS as error:
            log.warning("broker.channel_lost", component=name, error=type(error).__name__)
        heed_cancellation()
        await asyncio.sleep(0.1)


async def until_closed(channel: AbstractChannel, *work: Coroutine[Any, Any, None]) -> None:
    """Return when the channel is gone, whoever closed it. ``work`` runs meanwhile; what it raises is raised here."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in work]
    try:
        await asyncio.wait({channel.closing, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
