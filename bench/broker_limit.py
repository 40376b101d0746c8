"""The hop through the broker, as the fan-out takes it: a direct exchange, and an exclusive queue without acks."""

from __future__ import annotations

import secrets

import aio_pika

from bench.open_loop import Latencies, offer

BODY = b"x" * 300


async def publish_to_consume(url: str, rate: float, seconds: float) -> Latencies:
    """Latency from publish to the consumer's callback at a fixed rate, 300-byte messages, one process."""
    connection = await aio_pika.connect(url)
    latencies = Latencies()
    began: dict[str, float] = {}
    async with connection:
        publishing = await connection.channel(publisher_confirms=False)
        consuming = await connection.channel()
        name = f"twotop.bench.{secrets.token_hex(4)}"
        exchange = await publishing.declare_exchange(name, aio_pika.ExchangeType.DIRECT, auto_delete=True)
        queue = await consuming.declare_queue(exclusive=True, auto_delete=True)
        await queue.bind(name, routing_key="00")

        async def callback(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            latencies.record(began.pop(message.message_id or ""))

        async def publish(number: int, at: float) -> None:
            began[str(number)] = at
            await exchange.publish(aio_pika.Message(BODY, message_id=str(number)), routing_key="00", mandatory=False)

        await queue.consume(callback, no_ack=True)
        await offer(rate, seconds, publish, latencies)
        await latencies.complete(5)
    return latencies
