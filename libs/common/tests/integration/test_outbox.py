"""The outbox against a real database and a real broker: nothing is lost, whatever dies in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import aiormq
import asyncpg
import orjson
import pytest
import pytest_asyncio
from aiormq.abc import AbstractChannel
from prometheus_client import REGISTRY as METRICS

from twotop_common.contracts.session_api import ParticipantAdmitted, SessionEnded
from twotop_common.messaging.connection import BrokerConnection
from twotop_common.messaging.outbox import OutboxRelay, enqueue, enqueue_on, outbox_record
from twotop_common.messaging.publisher import Publisher, PublishTimeout
from twotop_common.service_defaults.database import open_database_at
from twotop_common.service_defaults.telemetry import correlation_id
from twotop_common.testing.backends import Start
from twotop_common.testing.eventually import eventually
from twotop_common.testing.proxy import proxied

pytestmark = pytest.mark.integration


def ended() -> SessionEnded:
    return SessionEnded(session_id=uuid4(), seq=9, state="closed", reason="guest", ended_at=datetime.now(UTC))


def admitted() -> ParticipantAdmitted:
    return ParticipantAdmitted(session_id=uuid4(), seq=2, participant_id=uuid4(), role="B", generation=1)


@pytest_asyncio.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    made = await asyncpg.connect(database_url)
    yield made
    await made.close()


@pytest_asyncio.fixture
async def channel(broker_url: str) -> AsyncIterator[AbstractChannel]:
    made = await aiormq.connect(broker_url)
    yield await made.channel()
    await made.close()


def relay_of(database_url: str, publisher: Publisher, **settings: int) -> OutboxRelay:
    return OutboxRelay(database_url, publisher, service="session-api", **settings)


async def store(connection: asyncpg.Connection, count: int) -> list[UUID]:
    records = [outbox_record(admitted(), subject="s", source="session-api") for _ in range(count)]
    await enqueue_on(connection, records)
    return [record.message_id for record in records]


async def rows(connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("SELECT count(*) FROM outbox"))


async def drain(channel: AbstractChannel, queue: str = "realtime-gateway") -> list[str]:
    found = []
    while (message := await channel.basic_get(queue, no_ack=True)).delivery_tag is not None:
        found.append(message.header.properties.message_id or "")
    return found


async def test_a_committed_row_is_published_and_deleted(
    database_url: str, publisher: Publisher, start: Start, channel: AbstractChannel, connection: asyncpg.Connection
) -> None:
    relay = relay_of(database_url, publisher)
    start(relay.run)
    message = ended()
    token = correlation_id.set("0af7651916cd43dd8448eb211c80319c")
    async with open_database_at(database_url) as database, database.sessions.begin() as session:
        message_id = enqueue(session, message, subject=str(message.session_id), source="session-api")
    correlation_id.reset(token)
    relay.wake()

    async def gone() -> bool:
        return await rows(connection) == 0

    await eventually(gone)
    got = await channel.basic_get("pairing", no_ack=True)
    envelope = orjson.loads(got.body)
    assert envelope["id"] == str(message_id)
    assert envelope["type"] == "twotop.session.ended.v1"
    assert envelope["source"] == "session-api"
    assert envelope["subject"] == str(message.session_id)
    assert envelope["specversion"] == "1.0"
    assert envelope["correlationid"] == "0af7651916cd43dd8448eb211c80319c"
    assert SessionEnded.model_validate(envelope["data"]) == message
    assert (got.header.properties.headers or {})["correlationid"] == "0af7651916cd43dd8448eb211c80319c"


async def test_a_rolled_back_row_is_never_published(
    database_url: str, publisher: Publisher, start: Start, channel: AbstractChannel
) -> None:
    relay = relay_of(database_url, publisher)
    start(relay.run)
    async with open_database_at(database_url) as database, database.sessions() as session:
        enqueue(session, admitted(), subject="s", source="session-api")
        await session.flush()
        await session.rollback()
    assert await relay.flush()
    assert await drain(channel) == []


async def test_rows_that_another_process_left_are_swept_without_a_wake(
    database_url: str, publisher: Publisher, start: Start, connection: asyncpg.Connection
) -> None:
    relay = relay_of(database_url, publisher)
    start(relay.run)
    await eventually(lambda: relay.flush(0.5))
    await store(connection, 3)

    async def gone() -> bool:
        return await rows(connection) == 0

    await eventually(gone, timeout_s=4)


async def test_more_rows_than_a_batch_all_go_in_order(
    database_url: str, publisher: Publisher, start: Start, channel: AbstractChannel, connection: asyncpg.Connection
) -> None:
    stored = await store(connection, 250)
    relay = relay_of(database_url, publisher, batch=40)
    start(relay.run)
    assert await relay.flush(8)
    assert await drain(channel) == [str(message_id) for message_id in stored]
    assert relay.backlog == 0
    assert METRICS.get_sample_value("twotop_outbox_oldest_seconds") == 0


async def test_a_broker_outage_keeps_rows_and_the_relay_goes_on_afterwards(
    database_url: str, broker_url: str, start: Start, channel: AbstractChannel, connection: asyncpg.Connection
) -> None:
    async with proxied(broker_url) as proxy:
        broker = BrokerConnection(proxy.url, "outage")
        publisher = Publisher(broker)
        relay = relay_of(database_url, publisher, limit=5)
        start(broker.run, publisher.run, relay.run)
        await eventually(lambda: publisher.connected)
        await proxy.cut()
        await eventually(lambda: not publisher.connected)
        stored = await store(connection, 6)
        await eventually(lambda: relay.backlog == 5)
        assert relay.refusing
        assert (METRICS.get_sample_value("twotop_outbox_oldest_seconds") or 0) > 0
        assert not publisher.congested
        await proxy.restore()

        async def gone() -> bool:
            return await rows(connection) == 0

        await eventually(gone)
        await eventually(lambda: not relay.refusing)
    assert set(await drain(channel)) == {str(message_id) for message_id in stored}


async def test_a_broker_that_stops_answering_times_out_and_counts_as_slow(
    database_url: str, broker_url: str, start: Start, connection: asyncpg.Connection
) -> None:
    async with proxied(broker_url) as proxy:
        broker = BrokerConnection(proxy.url, "frozen")
        publisher = Publisher(broker, timeout_s=1.5)
        start(broker.run, publisher.run)
        await eventually(lambda: publisher.connected)
        proxy.freeze()
        publishing = asyncio.ensure_future(publisher.publish_fact(uuid4(), "twotop.participant.admitted.v1", b"{}", {}))
        await eventually(lambda: publisher.congested)
        with pytest.raises(PublishTimeout):
            await publishing


class DiesAfterPublishing(Publisher):
    """The broker has the message, and then the process is gone before the row is deleted."""

    async def publish_fact(self, message_id: UUID, type_: str, body: bytes, headers: Mapping[str, str]) -> None:
        await super().publish_fact(message_id, type_, body, headers)
        raise SystemError


async def test_a_crash_between_publish_and_delete_publishes_again_under_the_same_id(
    database_url: str,
    publisher: Publisher,
    broker: BrokerConnection,
    start: Start,
    channel: AbstractChannel,
    connection: asyncpg.Connection,
) -> None:
    (message_id,) = await store(connection, 1)
    dying = DiesAfterPublishing(broker)
    running = asyncio.ensure_future(dying.run())
    await eventually(lambda: dying.connected)
    with pytest.raises(SystemError):
        await relay_of(database_url, dying).run()
    running.cancel()
    assert await rows(connection) == 1
    relay = relay_of(database_url, publisher)
    start(relay.run)
    assert await relay.flush()
    assert await drain(channel) == [str(message_id)] * 2


async def test_several_relays_share_one_outbox_and_publish_each_row_once(
    database_url: str, publisher: Publisher, start: Start, channel: AbstractChannel, connection: asyncpg.Connection
) -> None:
    stored = await store(connection, 300)
    relays = [relay_of(database_url, publisher, batch=20) for _ in range(3)]
    start(*(relay.run for relay in relays))

    async def gone() -> bool:
        return await rows(connection) == 0

    await eventually(gone)
    assert sorted(await drain(channel)) == sorted(str(message_id) for message_id in stored)


async def test_the_relay_outlives_its_database_connection(
    database_url: str, publisher: Publisher, start: Start, connection: asyncpg.Connection, channel: AbstractChannel
) -> None:
    relay = relay_of(database_url, publisher)
    start(relay.run)
    assert await relay.flush()
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'session-api outbox'"
        " AND datname = current_database()"
    )
    await store(connection, 1)
    assert await relay.flush(6)
    assert len(await drain(channel)) == 1


async def test_one_message_without_a_queue_does_not_hold_up_the_others(
    database_url: str, publisher: Publisher, start: Start, channel: AbstractChannel, connection: asyncpg.Connection
) -> None:
    lost = outbox_record(admitted(), subject="s", source="session-api")._replace(type="twotop.unheard.of.v1")
    await enqueue_on(connection, [lost])
    stored = await store(connection, 2)
    relay = relay_of(database_url, publisher)
    start(relay.run)
    assert not await relay.flush(1)
    assert await drain(channel) == [str(message_id) for message_id in stored]
    assert await rows(connection) == 1
    assert relay.backlog == 1


async def test_records_keep_the_id_and_time_that_they_are_given() -> None:
    now = datetime.now(UTC) - timedelta(days=1)
    message_id = uuid4()
    record = outbox_record(admitted(), subject="s", source="session-api", message_id=message_id, now=now)
    envelope = orjson.loads(record.body)
    assert envelope["id"] == str(message_id)
    assert datetime.fromisoformat(envelope["time"]) == now
    assert record.message_id == message_id
