"""The fan-out subscription over lost connections and cancelled queues."""

from __future__ import annotations

import asyncio

import pytest

from twotop_common.messaging.connection import BrokerConnection, BrokerUnavailable
from twotop_common.messaging.fanout import FanOutSubscription
from twotop_common.messaging.publisher import Publisher
from twotop_common.testing.backends import Start
from twotop_common.testing.eventually import eventually
from twotop_common.testing.proxy import proxied

pytestmark = pytest.mark.integration


class Listener:
    """What a subscription heard, and how often it was connected."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.connections = 0

    def on_hint(self, shard: str, body: bytes) -> None:
        if body == b"bad":
            raise RuntimeError("a bug")
        self.heard.append((shard, body))

    async def on_connected(self) -> None:
        self.connections += 1


async def test_a_new_connection_gets_a_new_queue_bound_to_the_same_shards(
    broker_url: str, publisher: Publisher, start: Start
) -> None:
    listener = Listener()
    async with proxied(broker_url) as proxy:
        broker = BrokerConnection(proxy.url, "gateway")
        subscription = FanOutSubscription(broker, listener.on_hint, listener.on_connected)
        with pytest.raises(BrokerUnavailable):
            await subscription.bind("aa")
        start(broker.run, subscription.run)
        await eventually(lambda: listener.connections == 1)
        await subscription.bind("bb")
        first = subscription.queue_name
        assert first.startswith("amq.gen")
        await proxy.cut()
        await eventually(lambda: not subscription.connected)
        assert subscription.queue_name == ""
        with pytest.raises(BrokerUnavailable):
            await subscription.bind("cc")
        await proxy.restore()
        await eventually(lambda: listener.connections == 2)
        assert subscription.queue_name not in ("", first)
        for shard in ("aa", "bb", "cc", "dd"):
            publisher.publish_hint_bytes(shard, shard.encode())
        await eventually(lambda: len(listener.heard) == 3)
        assert sorted(shard for shard, _ in listener.heard) == ["aa", "bb", "cc"]


async def test_an_unbound_shard_is_heard_no_more(broker: BrokerConnection, publisher: Publisher, start: Start) -> None:
    listener = Listener()
    subscription = FanOutSubscription(broker, listener.on_hint, listener.on_connected)
    start(subscription.run)
    await eventually(lambda: subscription.connected)
    await asyncio.gather(subscription.bind("aa"), subscription.bind("bb"))
    await subscription.unbind("aa")
    await subscription.unbind("never bound")
    publisher.publish_hint_bytes("aa", b"1")
    publisher.publish_hint_bytes("bb", b"2")
    await eventually(lambda: listener.heard == [("bb", b"2")])


async def test_a_hint_that_cannot_be_handled_does_not_end_the_subscription(
    broker: BrokerConnection, publisher: Publisher, start: Start
) -> None:
    listener = Listener()
    subscription = FanOutSubscription(broker, listener.on_hint, listener.on_connected)
    start(subscription.run)
    await eventually(lambda: subscription.connected)
    await subscription.bind("aa")
    publisher.publish_hint_bytes("aa", b"bad")
    publisher.publish_hint_bytes("aa", b"good")
    await eventually(lambda: listener.heard == [("aa", b"good")])


async def test_a_deleted_queue_is_replaced(broker: BrokerConnection, publisher: Publisher, start: Start) -> None:
    listener = Listener()
    subscription = FanOutSubscription(broker, listener.on_hint, listener.on_connected)
    start(subscription.run)
    await eventually(lambda: subscription.connected)
    await subscription.bind("aa")
    gone = subscription.queue_name
    async with broker.channel() as channel:
        await channel.queue_delete(gone)
    await eventually(lambda: listener.connections == 2)
    assert subscription.queue_name != gone
    publisher.publish_hint_bytes("aa", b"back")
    await eventually(lambda: listener.heard == [("aa", b"back")])
