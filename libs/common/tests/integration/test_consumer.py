"""Consuming from a real broker: once in effect, retried with a delay, buried with its bytes, drained at the end."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiormq
import pytest
import pytest_asyncio
from aiormq.abc import AbstractChannel
from pamqp import commands as spec
from prometheus_client import REGISTRY as METRICS

from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.registry import REGISTRY, Service
from twotop_common.contracts.session_api import ParticipantAdmitted
from twotop_common.messaging.connection import BrokerConnection
from twotop_common.messaging.consumer import Consumer
from twotop_common.messaging.dead_letters import list_dead_letters, replay_dead_letters
from twotop_common.messaging.delivery import Delivery, PermanentFailure, TransientFailure
from twotop_common.messaging.inbox import first_time
from twotop_common.messaging.outbox import outbox_record
from twotop_common.messaging.topology import DELIVERY_LIMIT, EVENTS_EXCHANGE, dead_queue_of, declare_consumer_queues
from twotop_common.service_defaults.database import open_database_at
from twotop_common.service_defaults.telemetry import correlation_id
from twotop_common.testing.backends import Start
from twotop_common.testing.eventually import eventually
from twotop_common.testing.proxy import proxied

pytestmark = pytest.mark.integration

SERVICE: Service = "realtime-gateway"
Handle = Callable[[Any, Delivery], Awaitable[None]]


def admitted(session_id: UUID | None = None, seq: int = 2) -> ParticipantAdmitted:
    return ParticipantAdmitted(
        session_id=session_id or uuid4(), seq=seq, participant_id=uuid4(), role="B", generation=1
    )


@pytest_asyncio.fixture
async def channel(broker_url: str) -> AsyncIterator[AbstractChannel]:
    connection = await aiormq.connect(broker_url)
    made = await connection.channel(publisher_confirms=True, on_return_raises=True)
    await declare_consumer_queues(made, SERVICE)
    yield made
    await connection.close()


async def send(
    channel: AbstractChannel, message: Contract, *, body: bytes | None = None, made_at: datetime | None = None
) -> UUID:
    record = outbox_record(message, subject=str(getattr(message, "session_id", "")), source="session-api", now=made_at)
    await channel.basic_publish(
        record.body if body is None else body,
        exchange=EVENTS_EXCHANGE,
        routing_key=record.type,
        mandatory=True,
        properties=spec.Basic.Properties(
            delivery_mode=2, message_id=str(record.message_id), message_type=record.type, headers={"kept": "yes"}
        ),
    )
    return record.message_id


def consumer_of(broker: BrokerConnection, handle: Handle, **limits: int) -> Consumer:
    return Consumer(broker, SERVICE, {entry.body: handle for entry in REGISTRY.consumed_by(SERVICE)}, **limits)


async def waiting(broker_url: str, queue: str = SERVICE) -> int:
    connection = await aiormq.connect(broker_url)
    try:
        look = await (await connection.channel()).queue_declare(queue, passive=True)
        return look.message_count or 0
    finally:
        await connection.close()


def dead_letters() -> float | None:
    return METRICS.get_sample_value("twotop_dead_letters")


def test_a_service_must_handle_everything_it_consumes() -> None:
    with pytest.raises(ValueError, match=r"twotop\.session\.created\.v1"):
        Consumer(BrokerConnection("amqp://nowhere/", "x"), SERVICE, {})


async def test_a_message_reaches_its_handler_with_what_came_along(
    broker: BrokerConnection, channel: AbstractChannel, start: Start, broker_url: str
) -> None:
    got: list[tuple[Contract, Delivery, str]] = []

    async def handle(message: Contract, delivery: Delivery) -> None:
        got.append((message, delivery, correlation_id.get()))

    consumer = consumer_of(broker, handle)
    start(consumer.run)
    token = correlation_id.set("0af7651916cd43dd8448eb211c80319c")
    message = admitted()
    message_id = await send(channel, message)
    correlation_id.reset(token)
    await eventually(lambda: got)
    (received, delivery, correlation) = got[0]
    assert received == message
    assert delivery.message_id == message_id
    assert delivery.type == "twotop.participant.admitted.v1"
    assert delivery.source == "session-api"
    assert delivery.subject == str(message.session_id)
    assert delivery.attempt == 1
    assert correlation == "0af7651916cd43dd8448eb211c80319c"
    await eventually(lambda: consumer.connected and consumer.behind_s < 0.3)


async def test_a_redelivered_message_takes_effect_once(
    broker: BrokerConnection, channel: AbstractChannel, start: Start, database_url: str
) -> None:
    effects: list[UUID] = []
    handled = 0
    async with open_database_at(database_url) as database:

        async def handle(message: ParticipantAdmitted, delivery: Delivery) -> None:
            nonlocal handled
            async with database.sessions.begin() as session:
                if await first_time(session, "test", delivery.message_id):
                    effects.append(message.session_id)
            handled += 1

        start(consumer_of(broker, handle).run)
        message = admitted()
        record = outbox_record(message, subject="s", source="session-api")
        for _ in range(4):
            await send(channel, message, body=record.body)
        await eventually(lambda: handled == 4)
    assert effects == [message.session_id]


async def test_a_transient_failure_is_tried_again_later_and_counted(
    broker: BrokerConnection, channel: AbstractChannel, start: Start, broker_url: str
) -> None:
    attempts: list[int] = []
    times: list[float] = []

    async def handle(message: ParticipantAdmitted, delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        times.append(asyncio.get_running_loop().time())
        if len(attempts) < 3:
            raise TransientFailure("not yet", retry_after_s=0.2)

    start(consumer_of(broker, handle).run)
    await send(channel, admitted())
    await eventually(lambda: len(attempts) == 3)
    assert attempts == [1, 2, 3]
    assert all(later - earlier >= 0.2 for earlier, later in itertools.pairwise(times))

    async def empty() -> bool:
        return await waiting(broker_url) == 0 and await waiting(broker_url, f"{SERVICE}.retry.250") == 0

    await eventually(empty)
    assert await list_dead_letters(broker_url, SERVICE) == []


async def test_a_message_waiting_for_its_retry_does_not_hold_up_others(
    broker: BrokerConnection, channel: AbstractChannel, start: Start
) -> None:
    failing = admitted()
    done: list[UUID] = []

    async def handle(message: ParticipantAdmitted, delivery: Delivery) -> None:
        if message == failing:
            raise TransientFailure("for long", retry_after_s=30)
        done.append(message.session_id)

    start(consumer_of(broker, handle, concurrency=1).run)
    await send(channel, failing)
    others = [admitted() for _ in range(5)]
    for other in others:
        await send(channel, other)
    await eventually(lambda: len(done) == 5)


async def test_a_permanent_failure_is_buried_at_once_and_can_be_replayed(
    broker: BrokerConnection, channel: AbstractChannel, start: Start, broker_url: str
) -> None:
    refusing = True
    done: list[Delivery] = []

    async def handle(message: ParticipantAdmitted, delivery: Delivery) -> None:
        if refusing:
            raise PermanentFailure("never")
        done.append(delivery)

    start(consumer_of(broker, handle).run)
    record = outbox_record(admitted(), subject="s", source="session-api")
    await send(channel, admitted(), body=record.body)

    async def letters() -> list[Any]:
        return list(await list_dead_letters(broker_url, SERVICE))

    (letter,) = await eventually(letters)
    assert letter.body == record.body
    assert letter.reason == "PermanentFailure"
    assert letter.type == "twotop.participant.admitted.v1"
    assert letter.attempts == 1
    # Listing takes nothing away.
    assert await eventually(letters)
    refusing = False
    assert await replay_dead_letters(broker_url, SERVICE, limit=10) == 1
    await eventually(lambda: done)
    assert done[0].message_id == record.message_id
    assert done[0].attempt == 1
    assert await letters() == []


async def test_an_unknown_exception_is_buried_after_a_few_attempts(
    broker: BrokerConnection, channel: AbstractChannel, start: Start, broker_url: str
) -> None:
    attempts: list[int] = []

    async def handle(message: ParticipantAdmitted, delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        raise RuntimeError("a bug")

    start(consumer_of(broker, handle).run)
    record = outbox_record(admitted(), subject="s", source="session-api")
    # As if it had failed seven times before: the eighth is the last.
    await channel.basic_publish(
        record.body,
        routing_key=SERVICE,
        mandatory=True,
        properties=spec.Basic.Properties(headers={"x-twotop-attempt": 8}),
    )

    async def letters() -> list[Any]:
        return list(await list_dead_letters(broker_url, SERVICE))

    (letter,) = await eventually(letters)
    assert attempts == [8]
    assert letter.reason == "RuntimeError"
    assert letter.attempts == 8


async def test_bytes_that_are_no_message_are_buried_as_they_came(
    broker: BrokerConnection, channel: AbstractChannel, start: Start, broker_url: str
) -> None:
    async def handle(message: Contract, delivery: Delivery) -> None:
        raise AssertionError

    start(consumer_of(broker, handle).run)
    poison = bytes(range(256))
    await send(channel, admitted(), body=poison)

    async def letters() -> list[Any]:
        return list(await list_dead_letters(broker_url, SERVICE))

    (letter,) = await eventually(letters)
    assert letter.body == poison


async def test_what_crashes_every_consumer_ends_in_the_dead_letters(channel: AbstractChannel, broker_url: str) -> None:
    await send(channel, admitted())

    async def buried() -> bool:
        message = await channel.basic_get(SERVICE)
        if message.delivery_tag is not None:
            await channel.basic_nack(message.delivery_tag, requeue=True)
        return bool(await waiting(broker_url, f"{SERVICE}.dead"))

    await eventually(buried)
    (letter,) = await list_dead_letters(broker_url, SERVICE)
    assert letter.reason == "delivery limit"
    assert DELIVERY_LIMIT > 10


async def test_dead_letters_are_counted_for_as_long_as_they_lie_there(
    broker: BrokerConnection, channel: AbstractChannel, start: Start, broker_url: str
) -> None:
    async def handle(message: ParticipantAdmitted, delivery: Delivery) -> None:
        raise PermanentFailure("never")

    # Not buried by a consumer: what the broker itself puts aside comes the same way.
    await channel.basic_publish(b"put aside", routing_key=dead_queue_of(SERVICE), mandatory=True)
    start(consumer_of(broker, handle).run)
    await eventually(lambda: dead_letters() == 1)
    await send(channel, admitted())
    await eventually(lambda: dead_letters() == 2)
    await channel.queue_purge(dead_queue_of(SERVICE))
    await eventually(lambda: dead_letters() == 0)


async def test_deliveries_go_on_while_dead_letters_cannot_be_counted(
    broker: BrokerConnection, channel: AbstractChannel, start: Start
) -> None:
    done: list[int] = []

    async def handle(message: ParticipantAdmitted, delivery: Delivery) -> None:
        done.append(message.seq)

    consumer = consumer_of(broker, handle)
    start(consumer.run)
    await eventually(lambda: consumer.connected)
    delivering = consumer._channel
    await channel.basic_publish(b"put aside", routing_key=dead_queue_of(SERVICE), mandatory=True)
    await eventually(lambda: dead_letters() == 1)
    await channel.queue_delete(dead_queue_of(SERVICE))
    await eventually(lambda: dead_letters() == 0)
    assert consumer._channel is delivering
    await send(channel, admitted(seq=7))
    await eventually(lambda: done == [7])


async def test_messages_of_one_session_are_handled_in_order_and_others_beside_them(
    broker: BrokerConnection, channel: AbstractChannel, start: Start
) -> None:
    slow, quick = uuid4(), uuid4()
    done: list[tuple[UUID, int]] = []
    release = asyncio.Event()

    async def handle(message: ParticipantAdmitted, delivery: Delivery) -> None:
        if message.session_id == slow:
            await release.wait()
        done.append((message.session_id, message.seq))

    start(consumer_of(broker, handle).run)
    for seq in (1, 2, 3):
        await send(channel, admitted(slow, seq))
    await send(channel, admitted(quick, 1))
    await eventually(lambda: done == [(quick, 1)])
    release.set()
    await eventually(lambda: len(done) == 4)
    assert done[1:] == [(slow, 1), (slow, 2), (slow, 3)]


async def test_a_consumer_that_the_broker_cancels_comes_back(
    broker: BrokerConnection, channel: AbstractChannel, start: Start
) -> None:
    done: list[int] = []

    async def handle(message: ParticipantAdmitted, delivery: Delivery) -> None:
        done.append(message.seq)

    consumer = consumer_of(broker, handle)
    start(consumer.run)
    await eventually(lambda: consumer.connected)
    await channel.queue_delete(SERVICE)
    await eventually(lambda: not consumer.connected)
    await eventually(lambda: consumer.connected)
    await send(channel, admitted(seq=7))
    await eventually(lambda: done == [7])


async def test_a_silent_loss_of_the_consumer_is_noticed_by_its_count(
    broker: BrokerConnection, start: Start, channel: AbstractChannel
) -> None:
    async def handle(message: Contract, delivery: Delivery) -> None:
        return

    consumer = consumer_of(broker, handle)
    start(consumer.run)
    await eventually(lambda: consumer.connected)
    lost = consumer._channel
    assert lost is not None
    # As if the cancel frame had never come.
    lost.on_consumer_cancel_callbacks.clear()
    await channel.queue_delete(SERVICE)
    await eventually(lambda: consumer.connected and consumer._channel is not lost)


async def test_a_lost_connection_does_not_cut_a_handler_off_and_the_message_comes_again(
    broker_url: str, channel: AbstractChannel, start: Start
) -> None:
    entered, release = asyncio.Event(), asyncio.Event()
    finished: list[int] = []

    async def handle(message: ParticipantAdmitted, delivery: Delivery) -> None:
        entered.set()
        await release.wait()
        finished.append(delivery.attempt)

    async with proxied(broker_url) as proxy:
        broker = BrokerConnection(proxy.url, "cut")
        consumer = consumer_of(broker, handle)
        start(broker.run, consumer.run)
        await send(channel, admitted())
        await eventually(entered.is_set)
        await proxy.cut()
        await eventually(lambda: not consumer.connected)
        assert consumer.behind_s == float("inf")
        release.set()
        await eventually(lambda: finished == [1])
        await proxy.restore()
        # Unacknowledged, so delivered again; the inbox is what makes it harmless.
        await eventually(lambda: finished == [1, 1])


async def test_a_retry_that_cannot_be_written_gives_the_message_back(
    broker: BrokerConnection, channel: AbstractChannel, start: Start, broker_url: str
) -> None:
    outcomes: list[int] = []

    async def handle(message: ParticipantAdmitted, delivery: Delivery) -> None:
        outcomes.append(delivery.attempt)
        if len(outcomes) == 1:
            await channel.queue_delete(f"{SERVICE}.retry.250")
            raise TransientFailure("and its retry queue is gone")

    start(consumer_of(broker, handle).run)
    await send(channel, admitted())
    await eventually(lambda: outcomes == [1, 1])


async def test_stopping_finishes_what_has_begun_and_leaves_the_rest(
    broker: BrokerConnection, channel: AbstractChannel, start: Start, broker_url: str
) -> None:
    begun: list[UUID] = []
    finished: list[UUID] = []
    release = asyncio.Event()

    async def handle(message: ParticipantAdmitted, delivery: Delivery) -> None:
        begun.append(message.session_id)
        await release.wait()
        finished.append(message.session_id)

    consumer = consumer_of(broker, handle, concurrency=3)
    (running,) = start(consumer.run)
    for _ in range(10):
        await send(channel, admitted())
    await eventually(lambda: len(begun) == 3)
    stopping = asyncio.ensure_future(consumer.stop())
    await eventually(lambda: not consumer.connected)
    release.set()
    await stopping
    await eventually(running.done)
    assert finished == begun
    assert len(finished) == 3

    async def returned() -> bool:
        return await waiting(broker_url) == 7

    await eventually(returned)


async def test_how_far_behind_grows_with_the_oldest_unhandled_message(
    broker: BrokerConnection, channel: AbstractChannel, start: Start
) -> None:
    release = asyncio.Event()

    async def handle(message: ParticipantAdmitted, delivery: Delivery) -> None:
        await release.wait()

    consumer = consumer_of(broker, handle)
    start(consumer.run)
    await send(channel, admitted())
    await eventually(lambda: 0.3 < consumer.behind_s < 5)
    release.set()
    await eventually(lambda: consumer.behind_s < 0.3)


async def test_messages_that_arrive_late_show_that_our_view_is_behind(
    broker: BrokerConnection, channel: AbstractChannel, start: Start
) -> None:
    handled = asyncio.Event()

    async def handle(message: ParticipantAdmitted, delivery: Delivery) -> None:
        handled.set()

    consumer = consumer_of(broker, handle)
    start(consumer.run)
    await eventually(lambda: consumer.connected and consumer.behind_s == 0)
    await send(channel, admitted(), made_at=datetime.now(UTC) - timedelta(seconds=1.5))
    await eventually(handled.is_set)
    assert 1.4 < consumer.behind_s < 5
    await eventually(lambda: consumer.behind_s == 0)
