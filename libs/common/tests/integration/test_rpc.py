"""Requests over a real broker, answered by direct reply-to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from twotop_common.contracts.session_log import PHONE_COMMAND_QUEUE
from twotop_common.messaging.connection import BrokerConnection
from twotop_common.messaging.rpc import RpcClient, RpcServer, RpcTimeout, RpcUnavailable
from twotop_common.testing.backends import Start
from twotop_common.testing.eventually import eventually
from twotop_common.testing.proxy import proxied

pytestmark = pytest.mark.integration


async def echo(body: bytes, headers: Mapping[str, str]) -> bytes:
    return body + headers.get("traceparent", "").encode()


async def test_every_request_gets_its_own_answer(broker: BrokerConnection, start: Start) -> None:
    client, server = RpcClient(broker), RpcServer(broker, PHONE_COMMAND_QUEUE, echo)
    start(client.run, server.run)
    await eventually(lambda: client.connected and server.connected)
    bodies = [str(number).encode() for number in range(500)]
    answers = await asyncio.gather(*(client.call(PHONE_COMMAND_QUEUE, body) for body in bodies))
    assert answers == bodies
    assert await client.call(PHONE_COMMAND_QUEUE, b"a", headers={"traceparent": "b"}) == b"ab"


async def test_without_a_server_the_request_times_out_and_expires_in_the_queue(
    broker: BrokerConnection, start: Start
) -> None:
    client = RpcClient(broker, queues={"short": 200})
    start(client.run)
    await eventually(lambda: client.connected)
    with pytest.raises(RpcTimeout):
        await client.call("short", b"lost", timeout_s=0.5)
    seen: list[bytes] = []

    async def remember(body: bytes, headers: Mapping[str, str]) -> bytes:
        seen.append(body)
        return body

    server = RpcServer(broker, "short", remember, ttl_ms=200)
    start(server.run)
    await eventually(lambda: server.connected)
    assert await client.call("short", b"sent again") == b"sent again"
    assert seen == [b"sent again"]


async def test_an_unknown_queue_is_a_timeout_and_a_late_answer_is_ignored(
    broker: BrokerConnection, start: Start
) -> None:
    release = asyncio.Event()

    async def late(body: bytes, headers: Mapping[str, str]) -> bytes:
        await release.wait()
        return body

    client, server = RpcClient(broker), RpcServer(broker, PHONE_COMMAND_QUEUE, late)
    start(client.run, server.run)
    await eventually(lambda: client.connected and server.connected)
    with pytest.raises(RpcTimeout):
        await client.call("no.such.queue", b"", timeout_s=0.2)
    with pytest.raises(RpcTimeout):
        await client.call(PHONE_COMMAND_QUEUE, b"one", timeout_s=0.2)
    release.set()
    assert await client.call(PHONE_COMMAND_QUEUE, b"two") == b"two"


async def test_a_handler_that_fails_leaves_the_caller_to_its_timeout_and_goes_on(
    broker: BrokerConnection, start: Start
) -> None:
    async def sometimes(body: bytes, headers: Mapping[str, str]) -> bytes:
        if body == b"bad":
            raise RuntimeError("a bug")
        return body

    client, server = RpcClient(broker), RpcServer(broker, PHONE_COMMAND_QUEUE, sometimes)
    start(client.run, server.run)
    await eventually(lambda: client.connected and server.connected)
    with pytest.raises(RpcTimeout):
        await client.call(PHONE_COMMAND_QUEUE, b"bad", timeout_s=0.3)
    assert await client.call(PHONE_COMMAND_QUEUE, b"good") == b"good"


async def test_a_lost_connection_fails_open_requests_at_once_and_the_next_one_works(
    broker_url: str, start: Start
) -> None:
    entered = asyncio.Event()
    hold = asyncio.Event()

    async def held(body: bytes, headers: Mapping[str, str]) -> bytes:
        entered.set()
        await hold.wait()
        return body

    async with proxied(broker_url) as proxy:
        broker = BrokerConnection(proxy.url, "cut")
        client, server = RpcClient(broker), RpcServer(broker, PHONE_COMMAND_QUEUE, held)
        start(broker.run, client.run, server.run)
        await eventually(lambda: client.connected and server.connected)
        calling = asyncio.ensure_future(client.call(PHONE_COMMAND_QUEUE, b"one", timeout_s=10))
        await eventually(entered.is_set)
        await proxy.cut()
        with pytest.raises(RpcUnavailable):
            await calling
        with pytest.raises(RpcUnavailable):
            await client.call(PHONE_COMMAND_QUEUE, b"two")
        await proxy.restore()
        hold.set()
        await eventually(lambda: client.connected and server.connected)
        assert await client.call(PHONE_COMMAND_QUEUE, b"three") == b"three"


async def test_stopping_answers_what_has_begun_and_takes_nothing_new(broker: BrokerConnection, start: Start) -> None:
    entered, hold = asyncio.Event(), asyncio.Event()

    async def held(body: bytes, headers: Mapping[str, str]) -> bytes:
        entered.set()
        await hold.wait()
        return body

    client, server = RpcClient(broker), RpcServer(broker, PHONE_COMMAND_QUEUE, held)
    start(client.run, server.run)
    await eventually(lambda: client.connected and server.connected)
    begun = asyncio.ensure_future(client.call(PHONE_COMMAND_QUEUE, b"begun", timeout_s=5))
    await eventually(entered.is_set)
    stopping = asyncio.ensure_future(server.stop())
    await eventually(lambda: not server.connected)
    with pytest.raises(RpcTimeout):
        await client.call(PHONE_COMMAND_QUEUE, b"late", timeout_s=0.3)
    hold.set()
    await stopping
    assert await begun == b"begun"


async def test_a_server_whose_queue_was_deleted_comes_back(broker: BrokerConnection, start: Start) -> None:
    client, server = RpcClient(broker), RpcServer(broker, PHONE_COMMAND_QUEUE, echo)
    start(client.run, server.run)
    await eventually(lambda: client.connected and server.connected)
    async with broker.channel() as channel:
        await channel.queue_delete(PHONE_COMMAND_QUEUE)

    async def answered() -> bool:
        try:
            return await client.call(PHONE_COMMAND_QUEUE, b"x", timeout_s=0.3) == b"x"
        except RpcTimeout:
            return False

    await eventually(answered)
