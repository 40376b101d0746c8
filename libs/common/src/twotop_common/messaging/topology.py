"""The whole broker topology in one place: exchanges, queues, bindings, and how a failed message travels.

    twotop.events (topic) --type--> <service> (quorum) --handler--> done
                                       |  ^
               transient: <service>.retry.<ms> (quorum, TTL, dead-letters back to <service>)
               permanent, or delivered too often: <service>.dead (quorum)

    twotop.log (direct) --shard--> one exclusive queue for each gateway connection (fan-out hints)

Every process declares every service's main queue and bindings, so that a fact published before its consumer ever
started is kept and not refused. Works on RabbitMQ 3.10 and 4.x: nothing transient is shared, nothing is mirrored.
"""

from __future__ import annotations

from typing import get_args

from aiormq.abc import AbstractChannel

from twotop_common.contracts.registry import REGISTRY, Service
from twotop_common.contracts.session_log import LOG_EXCHANGE

EVENTS_EXCHANGE = "twotop.events"
SERVICES: tuple[Service, ...] = get_args(Service)
DELIVERY_LIMIT = 20
RETRY_DELAYS_MS = (250, 1_000, 5_000, 30_000)
FAN_OUT_QUEUE_LENGTH = 10_000

_AT_LEAST_ONCE = {
    "x-queue-type": "quorum",
    # Dead-lettering keeps the message until the target has it; it needs reject-publish to be in force at all.
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
    "x-dead-letter-exchange": "",
}


def queue_of(service: Service) -> str:
    """The durable queue from which all instances of a service consume."""
    return service


def dead_queue_of(service: Service) -> str:
    return f"{service}.dead"


def retry_queue_of(service: Service, delay_ms: int) -> str:
    return f"{service}.retry.{delay_ms}"


async def declare_exchanges(channel: AbstractChannel) -> None:
    """The two exchanges that publishers need."""
    await channel.exchange_declare(EVENTS_EXCHANGE, exchange_type="topic", durable=True)
    await channel.exchange_declare(LOG_EXCHANGE, exchange_type="direct", durable=True)


async def declare_routes(channel: AbstractChannel) -> None:
    """Exchanges, and every service's queue bound to what the registry says it consumes."""
    await declare_exchanges(channel)
    for service in SERVICES:
        consumed = REGISTRY.consumed_by(service)
        if not consumed:
            continue
        await channel.queue_declare(
            queue_of(service),
            durable=True,
            arguments={
                **_AT_LEAST_ONCE,
                "x-dead-letter-routing-key": dead_queue_of(service),
                "x-delivery-limit": DELIVERY_LIMIT,
            },
        )
        for message in consumed:
            await channel.queue_bind(queue_of(service), EVENTS_EXCHANGE, message.name)


async def declare_consumer_queues(channel: AbstractChannel, service: Service) -> None:
    """Everything one consumer needs: the routes, its dead-letter queue and its retry queues."""
    await declare_dead_queue(channel, service)
    await declare_routes(channel)
    for delay_ms in RETRY_DELAYS_MS:
        await channel.queue_declare(
            retry_queue_of(service, delay_ms),
            durable=True,
            arguments={
                **_AT_LEAST_ONCE,
                "x-dead-letter-routing-key": queue_of(service),
                "x-message-ttl": delay_ms,
            },
        )


async def declare_dead_queue(channel: AbstractChannel, service: Service) -> None:
    await channel.queue_declare(dead_queue_of(service), durable=True, arguments={"x-queue-type": "quorum"})


async def declare_command_queue(channel: AbstractChannel, queue: str, ttl_ms: int) -> None:
    """A durable classic queue for requests that are worthless after ``ttl_ms``."""
    await channel.queue_declare(queue, durable=True, arguments={"x-message-ttl": ttl_ms})


async def declare_fan_out_queue(channel: AbstractChannel, max_length: int = FAN_OUT_QUEUE_LENGTH) -> str:
    """A fresh exclusive queue that goes with its connection; the oldest hints fall out when it is full. Its name."""
    declared = await channel.queue_declare(
        "", exclusive=True, auto_delete=True, arguments={"x-max-length": max_length, "x-overflow": "drop-head"}
    )
    if not declared.queue:
        raise RuntimeError("the broker gave no queue name")
    return str(declared.queue)
