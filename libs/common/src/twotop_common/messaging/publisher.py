"""Publishing: facts and commands are confirmed by the broker, hints are only sent.

Invariants: ``publish_fact`` returns only when a quorum has the message and at least one queue took it; otherwise it
raises and the outbox keeps its row. Every publish has a timeout of our own. Hints never wait, never raise and may be
dropped.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping
from contextlib import suppress
from uuid import UUID

from aio_pika.exceptions import DeliveryError, PublishError
from aiormq import Channel
from aiormq.abc import AbstractChannel
from pamqp import commands as spec
from prometheus_client import Counter, Histogram

from twotop_common.contracts.session_log import LOG_EXCHANGE, Hint, shard_of
from twotop_common.messaging.connection import (
    BROKER_ERRORS,
    BrokerConnection,
    BrokerUnavailable,
    until_closed,
    work_on_channels,
)
from twotop_common.messaging.sender import UnconfirmedSender
from twotop_common.messaging.topology import EVENTS_EXCHANGE, declare_routes
from twotop_common.service_defaults.logging import get_logger

log = get_logger(__name__)

CONTENT_TYPE = "application/cloudevents+json"
PUBLISH_TIMEOUT_S = 5.0
SLOW_CONFIRM_S = 1.0
PERSISTENT = 2

_CONFIRM_SECONDS = Histogram(
    "twotop_publish_confirm_seconds",
    "from publish to the broker's confirm",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
_HINTS = Counter("twotop_hints_total", "fan-out hints", ["outcome"])
_HINT_SENT = _HINTS.labels("sent")
_HINT_DROPPED = _HINTS.labels("dropped")
_HINT_PROPERTIES = spec.Basic.Properties(delivery_mode=1)


class Unroutable(Exception):
    """No queue takes this message type: the topology is not there."""


class PublishTimeout(Exception):
    """No confirm in time. The message may or may not have arrived."""


class Publisher:
    """Publishes to the events exchange (confirmed) and to the fan-out (fire and forget)."""

    def __init__(self, broker: BrokerConnection, *, timeout_s: float = PUBLISH_TIMEOUT_S) -> None:
        self._broker = broker
        self._timeout_s = timeout_s
        self._confirmed: Channel | None = None
        self._hints: UnconfirmedSender | None = None
        self._numbers = itertools.count()
        self._in_flight: dict[int, float] = {}
        self._slow_until = 0.0

    @property
    def connected(self) -> bool:
        return self._confirmed is not None

    @property
    def congested(self) -> bool:
        """Connected, but confirms take longer than they should. Never true while the broker is away."""
        if self._confirmed is None:
            return False
        now = time.monotonic()
        oldest = next(iter(self._in_flight.values()), now)
        return now - oldest > SLOW_CONFIRM_S or now < self._slow_until

    async def run(self) -> None:
        """Keep both channels until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(work_on_channels(self._broker, "publisher", self._serve_facts, confirms=True))
            group.create_task(work_on_channels(self._broker, "hints", self._serve_hints))

    async def _serve_facts(self, channel: AbstractChannel) -> None:
        if not isinstance(channel, Channel):
            raise TypeError(type(channel).__name__)
        await declare_routes(channel)
        self._confirmed = channel
        try:
            await until_closed(channel)
        finally:
            self._confirmed = None

    async def _serve_hints(self, channel: AbstractChannel) -> None:
        await channel.exchange_declare(LOG_EXCHANGE, exchange_type="direct", durable=True)
        sender = UnconfirmedSender(channel)
        self._hints = sender
        try:
            await until_closed(channel, sender.run())
        finally:
            self._hints = None

    async def publish_fact(self, message_id: UUID, type_: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Publish an encoded envelope and wait for its confirm.

        Raises BrokerUnavailable, PublishTimeout, Unroutable.
        """
        channel = self._confirmed
        if channel is None:
            raise BrokerUnavailable
        number = next(self._numbers)
        started = self._in_flight[number] = time.monotonic()
        try:
            await channel.basic_publish(
                body,
                exchange=EVENTS_EXCHANGE,
                routing_key=type_,
                mandatory=True,
                timeout=self._timeout_s,
                wait=False,
                properties=spec.Basic.Properties(
                    content_type=CONTENT_TYPE,
                    delivery_mode=PERSISTENT,
                    message_id=str(message_id),
                    message_type=type_,
                    headers=dict(headers),
                ),
            )
        except PublishError:
            # Somebody deleted the queues; put them back, so that the next attempt arrives.
            with suppress(*BROKER_ERRORS):
                await declare_routes(channel)
            raise Unroutable(type_) from None
        except DeliveryError:
            raise PublishTimeout(type_) from None
        except TimeoutError:
            raise PublishTimeout(type_) from None
        except BROKER_ERRORS:
            raise BrokerUnavailable from None
        finally:
            del self._in_flight[number]
            self._note(time.monotonic() - started)

    def _note(self, seconds: float) -> None:
        _CONFIRM_SECONDS.observe(seconds)
        if seconds > SLOW_CONFIRM_S and self._confirmed is not None:
            self._slow_until = time.monotonic() + SLOW_CONFIRM_S

    def publish_hint(self, hint: Hint) -> bool:
        """Send a hint to the fan-out. Never waits or raises; False when it was dropped."""
        return self.publish_hint_bytes(shard_of(hint.session_id), hint.model_dump_json().encode())

    def publish_hint_bytes(self, shard: str, body: bytes) -> bool:
        """``publish_hint`` for a body that is encoded already."""
        sender = self._hints
        if sender is None or not sender.send(
            exchange=LOG_EXCHANGE, routing_key=shard, body=body, properties=_HINT_PROPERTIES
        ):
            _HINT_DROPPED.inc()
            return False
        _HINT_SENT.inc()
        return True
