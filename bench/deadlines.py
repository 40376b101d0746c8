"""A hundred thousand deadlines: what the worker costs while nothing is due, and how late it asks when something is.

The resting ones are put into the worker's table; they stand for the sessions of the day. Those that will fall due come
the way they always come, as ``deadline.set`` through the broker; a queue beside the owner's notes when the worker asks.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import aio_pika
import asyncpg
import orjson
import psutil

from bench.open_loop import Latencies
from twotop_common.contracts import REGISTRY
from twotop_common.contracts.cleanup_worker import ExpireSession
from twotop_common.contracts.session_api import DeadlineSet
from twotop_common.messaging.topology import EVENTS_EXCHANGE

FILL = """
INSERT INTO deadlines (session_id, kind, position, due_at, fires_at, asked)
SELECT gen_random_uuid(), 'session', 1, due, due, 0
FROM (SELECT now() + interval '6 hours' + n * interval '100 milliseconds' AS due FROM generate_series(1, $1) n) d
"""


async def rest(database_url: str, worker_pids: list[int], count: int, seconds: float) -> float:
    """Fill the table, then the share of one core that the worker takes while nothing is due, in percent."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(FILL, count)
    await connection.execute("ANALYZE deadlines")
    await connection.close()
    await asyncio.sleep(3)
    before = _cpu_seconds(worker_pids)
    await asyncio.sleep(seconds)
    return (_cpu_seconds(worker_pids) - before) / seconds * 100


async def lateness(broker_url: str, count: int, lead: float, spread: float) -> Latencies:
    """How long after its instant each of ``count`` deadlines is asked about, ``spread`` seconds from first to last."""
    latencies = Latencies()
    connection = await aio_pika.connect(broker_url)
    async with connection:
        channel = await connection.channel()
        tap = await channel.declare_queue(exclusive=True, auto_delete=True)
        await tap.bind(EVENTS_EXCHANGE, REGISTRY.of(ExpireSession).name)
        waiting: set[UUID] = set()
        done = asyncio.Event()

        async def asked(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            arrived = datetime.now(UTC)
            command = ExpireSession.model_validate(orjson.loads(message.body)["data"])
            if command.session_id in waiting:
                waiting.discard(command.session_id)
                latencies.seconds.append((arrived - command.due_at).total_seconds())
                if len(latencies.seconds) == count:
                    done.set()

        await tap.consume(asked, no_ack=True)
        exchange = await channel.get_exchange(EVENTS_EXCHANGE)
        first_due = datetime.now(UTC) + timedelta(seconds=lead)
        for number in range(count):
            due_at = first_due + timedelta(seconds=spread * number / count)
            fact = DeadlineSet(session_id=uuid4(), seq=1, due_at=due_at)
            waiting.add(fact.session_id)
            await exchange.publish(_message(fact), routing_key=REGISTRY.of(fact).name)
        latencies.offered = count
        try:
            async with asyncio.timeout(lead + spread + 30):
                await done.wait()
        except TimeoutError:
            latencies.failures["not asked"] = count - len(latencies.seconds)
    return latencies


def _message(fact: DeadlineSet) -> aio_pika.Message:
    name = REGISTRY.of(fact).name
    message_id = uuid4()
    envelope = {
        "specversion": "1.0",
        "id": str(message_id),
        "source": "session-api",
        "type": name,
        "subject": str(fact.session_id),
        "time": datetime.now(UTC).isoformat(),
        "data": fact.model_dump(mode="json"),
    }
    return aio_pika.Message(
        orjson.dumps(envelope),
        content_type="application/cloudevents+json",
        message_id=str(message_id),
        type=name,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )


def _cpu_seconds(pids: list[int]) -> float:
    used = 0.0
    for pid in pids:
        times = psutil.Process(pid).cpu_times()
        used += times.user + times.system
    return used
