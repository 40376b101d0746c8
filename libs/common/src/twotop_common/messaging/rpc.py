"""Request and answer over the broker, by direct reply-to: for phone commands from sockets.

A lost request or answer is a timeout at the caller, who asks again with the same idempotency key. Nothing here is
durable but the queue; requests older than its TTL are dropped by the broker.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping

from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp import commands as spec

from twotop_common.contracts.session_log import PHONE_COMMAND_QUEUE, PHONE_COMMAND_TTL_MS
from twotop_common.messaging.connection import (
    BROKER_ERRORS,
    BrokerConnection,
    until_closed,
    work_on_channels,
)
from twotop_common.messaging.sender import UnconfirmedSender
from twotop_common.messaging.topology import declare_command_queue
from twotop_common.service_defaults.logging import get_logger

log = get_logger(__name__)
REPLY_TO = "amq.rabbitmq.reply-to"
PHONE_COMMANDS: Mapping[str, int] = {PHONE_COMMAND_QUEUE: PHONE_COMMAND_TTL_MS}

RpcHandler = Callable[[bytes, Mapping[str, str]], Awaitable[bytes]]


class RpcTimeout(Exception):
    """No answer in time. Whether the request was carried out is unknown."""


class RpcUnavailable(Exception):
    """The broker is away, or went away before the answer. Whether the request was carried out is unknown."""


class RpcClient:
    """Asks. ``run`` it in the background; ``queues`` (name -> TTL in ms) are declared on each connection."""

    def __init__(self, broker: BrokerConnection, *, queues: Mapping[str, int] = PHONE_COMMANDS) -> None:
        self._broker = broker
        self._queues = queues
        self._sender: UnconfirmedSender | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[bytes]] = {}

    @property
    def connected(self) -> bool:
        return self._sender is not None

    async def run(self) -> None:
        """Keep a reply channel until cancelled."""
        await work_on_channels(self._broker, "rpc-client", self._serve)

    async def call(
        self, queue: str, body: bytes, *, timeout_s: float = 5.0, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """The answer to ``body``. Raises RpcTimeout, RpcUnavailable."""
        sender = self._sender
        number = str(next(self._numbers))
        properties = spec.Basic.Properties(
            correlation_id=number, reply_to=REPLY_TO, delivery_mode=1, headers=dict(headers) if headers else None
        )
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            if sender is None or not sender.send(exchange="", routing_key=queue, body=body, properties=properties):
                raise RpcUnavailable
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError:
            raise RpcTimeout from None
        finally:
            del self._waiting[number]

    async def _serve(self, channel: AbstractChannel) -> None:
        for queue, ttl_ms in self._queues.items():
            await declare_command_queue(channel, queue, ttl_ms)
        # The broker wants the reply consumer to exist, on this very channel, before the first request.
        await channel.basic_consume(REPLY_TO, self._take, no_ack=True)
        sender = UnconfirmedSender(channel)
        self._sender = sender
        try:
            await until_closed(channel, sender.run())
        finally:
            self._sender = None
            for answer in list(self._waiting.values()):
                if not answer.done():
                    answer.set_exception(RpcUnavailable())

    async def _take(self, message: DeliveredMessage) -> None:
        answer = self._waiting.get(message.header.properties.correlation_id or "")
        if answer is not None and not answer.done():
            answer.set_result(message.body)


class RpcServer:
    """Answers. At most ``prefetch`` requests at a time; acknowledged once the answer is on its way.

    ``handler(body, headers)`` returns the encoded answer and should not raise: a request whose handler raised goes
    unanswered and is not tried again, because only the caller knows whether it still matters.
    """

    def __init__(
        self,
        broker: BrokerConnection,
        queue: str,
        handler: RpcHandler,
        *,
        ttl_ms: int = PHONE_COMMAND_TTL_MS,
        prefetch: int = 256,
    ) -> None:
        self._broker = broker
        self._queue = queue
        self._handler = handler
        self._ttl_ms = ttl_ms
        self._prefetch = prefetch
        self._channel: AbstractChannel | None = None
        self._consumer_tag = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._senders: dict[AbstractChannel, UnconfirmedSender] = {}
        self._stopping = False

    @property
    def connected(self) -> bool:
        return self._channel is not None

    async def run(self) -> None:
        """Answer until cancelled."""
        await work_on_channels(self._broker, "rpc-server", self._serve)

    async def stop(self, timeout_s: float = 5.0) -> None:
        """Take no new requests and answer those that have begun."""
        self._stopping = True
        channel, self._channel = self._channel, None
        if channel is not None and not channel.is_closed:
            try:
                await channel.basic_cancel(self._consumer_tag, timeout=2)
            except BROKER_ERRORS:
                log.info("rpc.cancel_failed")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)
        for sender in self._senders.values():
            await sender.drained(timeout_s=1)

    async def _serve(self, channel: AbstractChannel) -> None:
        if self._stopping:
            await asyncio.sleep(1)
            return
        await declare_command_queue(channel, self._queue, self._ttl_ms)
        await channel.basic_qos(prefetch_count=self._prefetch)
        cancelled = asyncio.Event()
        channel.on_consumer_cancel_callbacks.add(lambda _: cancelled.set())
        sender = UnconfirmedSender(channel)
        self._senders[channel] = sender
        try:
            consuming = await channel.basic_consume(self._queue, self._take)
            self._consumer_tag = consuming.consumer_tag or ""
            self._channel = channel
            await until_closed(channel, sender.run(), self._watch(channel, cancelled))
        finally:
            self._channel = None
            del self._senders[channel]

    async def _watch(self, channel: AbstractChannel, cancelled: asyncio.Event) -> None:
        while not cancelled.is_set():
            if not self._stopping:
                look = await channel.queue_declare(self._queue, passive=True, timeout=5)
                if not look.consumer_count:
                    break
            try:
                async with asyncio.timeout(1):
                    await cancelled.wait()
            except TimeoutError:
                continue
        log.warning("rpc.cancelled_by_broker", queue=self._queue)

    async def _take(self, message: DeliveredMessage) -> None:
        # A task of our own: a lost connection must not cancel an append halfway.
        task = asyncio.get_running_loop().create_task(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: DeliveredMessage) -> None:
        properties = message.header.properties
        headers = {str(name): str(value) for name, value in (properties.headers or {}).items()}
        answer: bytes | None = None
        try:
            answer = await self._handler(message.body, headers)
        except Exception:
            log.exception("rpc.handler_failed", queue=self._queue)
        sender = self._senders.get(message.channel)
        if sender is None:
            # The channel is gone, and the caller has been told.
            return
        if answer is not None and properties.reply_to:
            sender.send(
                exchange="",
                routing_key=properties.reply_to,
                body=answer,
                properties=spec.Basic.Properties(correlation_id=properties.correlation_id, delivery_mode=1),
            )
        if message.delivery_tag is not None:
            sender.acknowledge(message.delivery_tag)
