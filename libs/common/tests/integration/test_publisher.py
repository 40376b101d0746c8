"""Publishing to a real broker."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import aiormq
import pytest

from twotop_common.contracts.session_log import EventView, LogHint, shard_of
from twotop_common.messaging.connection import BrokerConnection, BrokerUnavailable
from twotop_common.messaging.fanout import FanOutSubscription, decode_hint
from twotop_common.messaging.publisher import Publisher, Unroutable
from twotop_common.testing.backends import Start
from twotop_common.testing.eventually import eventually

pytestmark = pytest.mark.integration


async def test_a_fact_is_confirmed_and_lies_in_its_queue(publisher: Publisher, broker: BrokerConnection) -> None:
    message_id = uuid4()
    await publisher.publish_fact(message_id, "twotop.participant.admitted.v1", b"{}", {"correlationid": "c"})
    async with broker.channel() as channel:
        message = await channel.basic_get("realtime-gateway")
    assert message.body == b"{}"
    assert message.header.properties.message_id == str(message_id)
    assert message.header.properties.delivery_mode == 2


async def test_a_fact_that_nobody_consumes_raises(publisher: Publisher) -> None:
    with pytest.raises(Unroutable):
        await publisher.publish_fact(uuid4(), "twotop.nothing.here.v1", b"{}", {})
    assert publisher.connected


async def test_deleted_queues_are_put_back_by_the_next_attempt(publisher: Publisher, broker: BrokerConnection) -> None:
    async with broker.channel() as channel:
        await channel.queue_delete("realtime-gateway")
    with pytest.raises(Unroutable):
        await publisher.publish_fact(uuid4(), "twotop.participant.admitted.v1", b"{}", {})
    await publisher.publish_fact(uuid4(), "twotop.participant.admitted.v1", b"{}", {})


async def test_without_a_broker_publishing_fails_at_once_and_hints_are_dropped() -> None:
    publisher = Publisher(BrokerConnection("amqp://127.0.0.1:1/", "nowhere"))
    with pytest.raises(BrokerUnavailable):
        await publisher.publish_fact(uuid4(), "twotop.session.ended.v1", b"{}", {})
    assert publisher.publish_hint_bytes("00", b"{}") is False
    assert not publisher.congested


async def test_hints_reach_the_shards_subscribers_in_order(
    publisher: Publisher, broker: BrokerConnection, start: Start
) -> None:
    session_id = UUID("ab0d3c1e-8f1e-4b4e-9a53-0d9a3a4e2b11")
    received: list[int] = []

    async def connected() -> None:
        await subscription.bind(shard_of(session_id))

    def on_hint(shard: str, body: bytes) -> None:
        hint = decode_hint(body)
        assert isinstance(hint, LogHint)
        received.append(hint.last_seq)

    subscription = FanOutSubscription(broker, on_hint, connected)
    start(subscription.run)
    await eventually(lambda: subscription.connected)
    await subscription.bind(shard_of(session_id))
    for seq in range(1, 501):
        event = EventView(seq=seq, type="ready_changed", data={}, at=datetime.now(UTC), by="system", command_id=None)
        assert publisher.publish_hint(LogHint(session_id=session_id, epoch="e", last_seq=seq, events=(event,)))
    await eventually(lambda: len(received) == 500)
    assert received == list(range(1, 501))


async def test_a_large_hint_is_split_into_frames(publisher: Publisher, broker: BrokerConnection, start: Start) -> None:
    received: list[bytes] = []

    async def connected() -> None:
        return

    subscription = FanOutSubscription(broker, lambda shard, body: received.append(body), connected)
    start(subscription.run)
    await eventually(lambda: subscription.connected)
    await subscription.bind("00")
    body = b"x" * 400_000
    publisher.publish_hint_bytes("00", body)
    await eventually(lambda: received)
    assert received == [body]


async def test_service_queues_are_not_classic_ones(broker: BrokerConnection, publisher: Publisher) -> None:
    async with broker.channel() as channel:
        with pytest.raises(aiormq.exceptions.ChannelPreconditionFailed):
            await channel.queue_declare("pairing", durable=True)
