"""Dead letters: what no handler could take, kept as the raw bytes, listed and replayed by an operator."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiormq
from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp import commands as spec

from twotop_common.contracts.registry import Service
from twotop_common.messaging.delivery import ATTEMPT_HEADER, REASON_HEADER, TYPE_HEADER
from twotop_common.messaging.publisher import PERSISTENT
from twotop_common.messaging.topology import dead_queue_of, declare_consumer_queues, queue_of

REJECTED_BY_BROKER = "delivery limit"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter: why it is here, what it claims to be, and its bytes as they arrived."""

    message_id: str
    type: str
    reason: str
    attempts: int
    body: bytes


async def list_dead_letters(broker_url: str, service: Service, *, limit: int = 100) -> list[DeadLetter]:
    """Up to ``limit`` dead letters, oldest first. They stay where they are."""
    letters: list[DeadLetter] = []
    async with _channel(broker_url, service) as channel:
        # Unacknowledged messages go back to the queue when the channel closes.
        async for message in _taken(channel, service, limit):
            letters.append(_letter(message))
    return letters


async def replay_dead_letters(broker_url: str, service: Service, *, limit: int | None = None) -> int:
    """Move dead letters back to the service's queue as if they were new, oldest first. How many went.

    Bounded by the number found at the start, so that letters that die again at once are not replayed for ever.
    """
    replayed = 0
    async with _channel(broker_url, service) as channel:
        look = await channel.queue_declare(dead_queue_of(service), passive=True)
        found = look.message_count or 0
        async for message in _taken(channel, service, found if limit is None else min(limit, found)):
            properties = message.header.properties
            headers = {name: value for name, value in (properties.headers or {}).items() if not name.startswith("x-")}
            await channel.basic_publish(
                message.body,
                routing_key=queue_of(service),
                mandatory=True,
                timeout=5,
                properties=spec.Basic.Properties(
                    content_type=properties.content_type,
                    delivery_mode=PERSISTENT,
                    message_id=properties.message_id,
                    message_type=properties.message_type,
                    headers=headers,
                ),
            )
            if message.delivery_tag is not None:
                await channel.basic_ack(message.delivery_tag)
            replayed += 1
    return replayed


@contextlib.asynccontextmanager
async def _channel(broker_url: str, service: Service) -> AsyncIterator[AbstractChannel]:
    connection = await aiormq.connect(broker_url)
    try:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        await declare_consumer_queues(channel, service)
        yield channel
    finally:
        await connection.close()


async def _taken(channel: AbstractChannel, service: Service, limit: int) -> AsyncIterator[DeliveredMessage]:
    for _ in range(limit):
        message = await channel.basic_get(dead_queue_of(service))
        if message.delivery_tag is None:
            return
        yield message


def _letter(message: DeliveredMessage) -> DeadLetter:
    properties = message.header.properties
    headers = properties.headers or {}
    attempt = headers.get(ATTEMPT_HEADER, 1)
    return DeadLetter(
        message_id=properties.message_id or "",
        type=str(headers.get(TYPE_HEADER) or properties.message_type or "unknown"),
        reason=str(headers.get(REASON_HEADER) or REJECTED_BY_BROKER),
        attempts=attempt if isinstance(attempt, int) else 1,
        body=message.body,
    )
