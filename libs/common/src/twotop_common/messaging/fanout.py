"""The fan-out's receiving end: hints for the shards this instance has phones for.

The queue is exclusive and server-named, and a new one is made on every connection: after a half-open drop an old name
stays locked until the broker notices. No acknowledgements, bounded; the oldest hints fall out first. The log is the
truth, so after ``on_connected`` the owner compares heads and fetches what it missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiormq.abc import AbstractChannel, DeliveredMessage
from pydantic import TypeAdapter

from twotop_common.contracts.session_log import LOG_EXCHANGE, FanOut, Hint
from twotop_common.messaging.connection import (
    BROKER_ERRORS,
    BrokerConnection,
    BrokerUnavailable,
    until_closed,
    work_on_channels,
)
from twotop_common.messaging.topology import FAN_OUT_QUEUE_LENGTH, declare_exchanges, declare_fan_out_queue
from twotop_common.service_defaults.logging import get_logger

log = get_logger(__name__)
_FAN_OUT: TypeAdapter[Hint] = TypeAdapter(FanOut)
BIND_TIMEOUT_S = 5.0


def decode_hint(body: bytes) -> Hint:
    """Raises pydantic.ValidationError for anything that is not a hint."""
    return _FAN_OUT.validate_json(body)


class FanOutSubscription:
    """One instance's subscription. ``on_hint(shard, body)`` is called in order, in the event loop, and must be quick.

    ``on_connected`` runs after each (re)connection, when all wanted shards are bound again.
    """

    def __init__(
        self,
        broker: BrokerConnection,
        on_hint: Callable[[str, bytes], None],
        on_connected: Callable[[], Awaitable[None]],
        *,
        max_length: int = FAN_OUT_QUEUE_LENGTH,
    ) -> None:
        self._broker = broker
        self._on_hint = on_hint
        self._on_connected = on_connected
        self._max_length = max_length
        self._shards: set[str] = set()
        self._channel: AbstractChannel | None = None
        self._queue = ""

    @property
    def connected(self) -> bool:
        return self._channel is not None

    @property
    def queue_name(self) -> str:
        """The broker's name of the present queue, empty while there is none."""
        return self._queue

    async def run(self) -> None:
        """Stay subscribed until cancelled."""
        await work_on_channels(self._broker, "fan-out", self._serve)

    async def bind(self, shard: str) -> None:
        """Return when hints of ``shard`` arrive here. Raises BrokerUnavailable, and binds on reconnect."""
        self._shards.add(shard)
        channel = self._channel
        if channel is None:
            raise BrokerUnavailable
        await self._bind(channel, shard)

    async def unbind(self, shard: str) -> None:
        """Hints of ``shard`` are not wanted any more."""
        self._shards.discard(shard)
        channel = self._channel
        if channel is not None:
            try:
                await channel.queue_unbind(self._queue, LOG_EXCHANGE, shard, timeout=BIND_TIMEOUT_S)
            except BROKER_ERRORS:
                # The queue went with its connection, and the binding with it.
                return

    async def _bind(self, channel: AbstractChannel, shard: str) -> None:
        try:
            await channel.queue_bind(self._queue, LOG_EXCHANGE, shard, timeout=BIND_TIMEOUT_S)
        except BROKER_ERRORS:
            raise BrokerUnavailable from None

    async def _serve(self, channel: AbstractChannel) -> None:
        await declare_exchanges(channel)
        queue = await declare_fan_out_queue(channel, self._max_length)
        cancelled = asyncio.Event()
        channel.on_consumer_cancel_callbacks.add(lambda _: cancelled.set())
        self._queue = queue
        bound: set[str] = set()
        await channel.basic_consume(queue, self._take, no_ack=True)
        try:
            while missing := self._shards - bound:
                await asyncio.gather(*(self._bind(channel, shard) for shard in missing))
                bound |= missing
            self._channel = channel
            await self._on_connected()
            await until_closed(channel, _until(cancelled))
        finally:
            self._channel = None
            self._queue = ""

    async def _take(self, message: DeliveredMessage) -> None:
        try:
            self._on_hint(message.routing_key or "", message.body)
        except Exception:
            # A hint is never worth the subscription; the owner's head comparison finds what it said.
            log.exception("fanout.hint_failed")


async def _until(event: asyncio.Event) -> None:
    await event.wait()
