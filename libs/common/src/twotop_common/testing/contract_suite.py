"""What every service promises the others, written once and inherited.

class TestContract(ServiceContractSuite[PairingSettings]):
    settings_class = PairingSettings
    package = "pairing"

    def build(self, settings): return build(settings)
    def example(self) -> Contract: ...            # a new message with a visible effect, each time another
    async def effects(self, database_url, message) -> int: ...   # how often that message took effect
    async def produce(self, service: RunningService) -> None: ...  # something that publishes a fact or command
"""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic
from uuid import uuid4

import aiormq
import asyncpg
import httpx
import orjson
import pytest
from aiormq.abc import AbstractChannel
from pamqp import commands as spec

from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.registry import REGISTRY
from twotop_common.messaging.dead_letters import list_dead_letters, replay_dead_letters
from twotop_common.messaging.outbox import OutboxRecord, outbox_record
from twotop_common.messaging.topology import EVENTS_EXCHANGE, declare_consumer_queues, queue_of
from twotop_common.service_defaults.lifecycle import Runtime, SettingsT, running
from twotop_common.testing.backends import ServiceDatabase
from twotop_common.testing.eventually import eventually
from twotop_common.testing.proxy import CuttableProxy, proxied


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service that runs in this process, its HTTP client (no network), and where its data lies."""

    runtime: Runtime
    client: httpx.AsyncClient
    database_url: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a test's service lives: its database, its broker behind a proxy, and the same broker directly."""

    database_url: str
    redis_url: str
    broker_url: str
    proxy: CuttableProxy


@pytest.mark.integration
class ServiceContractSuite(Generic[SettingsT]):
    """Inherit it as ``TestContract`` in the service's integration tests and say the four things that differ."""

    settings_class: type[SettingsT]
    package: str

    @abstractmethod
    def build(self, settings: SettingsT) -> AbstractAsyncContextManager[Runtime]:
        """The service's own ``bootstrap.build``."""

    @abstractmethod
    def example(self) -> Contract:
        """A new message that this service consumes and that has a visible effect."""

    @abstractmethod
    async def effects(self, database_url: str, message: Contract) -> int:
        """How often ``message`` took effect, 0 before it was handled."""

    @abstractmethod
    async def produce(self, service: RunningService) -> None:
        """Make the service publish at least one fact or command, in whatever way it does."""

    def settings(self, place: Place) -> SettingsT:
        """Settings of the service at ``place``; extend it when it needs more."""
        return self.settings_class(
            environment="test",
            database_url=place.database_url,
            broker_url=place.proxy.url,
            redis_url=place.redis_url,
        )

    @pytest.fixture
    async def place(self, service_database: ServiceDatabase, broker_url: str, redis_url: str) -> AsyncIterator[Place]:
        async with proxied(broker_url) as proxy:
            yield Place(await service_database(self.package), redis_url, broker_url, proxy)

    @contextlib.asynccontextmanager
    async def running(self, place: Place) -> AsyncIterator[RunningService]:
        """The service, running until the block ends."""
        async with (
            self.build(self.settings(place)) as runtime,
            running(runtime),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app=runtime.app, raise_app_exceptions=False), base_url="http://service"
            ) as client,
        ):
            yield RunningService(runtime, client, place.database_url)

    @contextlib.asynccontextmanager
    async def broker(self, place: Place) -> AsyncIterator[AbstractChannel]:
        """A channel of the test's own, with the service's queues declared."""
        connection = await aiormq.connect(place.broker_url)
        try:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            await declare_consumer_queues(channel, self.settings_class.service)
            yield channel
        finally:
            await connection.close()

    async def send(self, channel: AbstractChannel, record: OutboxRecord) -> None:
        """Publish an encoded message as its owner would."""
        await channel.basic_publish(
            record.body,
            exchange=EVENTS_EXCHANGE,
            routing_key=record.type,
            mandatory=True,
            properties=spec.Basic.Properties(delivery_mode=2, message_id=str(uuid4()), message_type=record.type),
        )

    def encode(self, message: Contract) -> OutboxRecord:
        """``message`` in an envelope of its owner."""
        return outbox_record(message, subject=_subject_of(message), source=REGISTRY.of(message).owner)

    async def has_effect(self, place: Place, message: Contract) -> bool:
        """Whether ``message`` was handled."""
        return await self.effects(place.database_url, message) > 0

    async def is_idle(self, place: Place) -> bool:
        """Whether nothing waits in the service's queue or is being handled."""
        connection = await aiormq.connect(place.broker_url)
        try:
            channel = await connection.channel()
            look = await channel.queue_declare(queue_of(self.settings_class.service), passive=True)
            return not look.message_count
        finally:
            await connection.close()

    async def test_unknown_fields_pass(self, place: Place) -> None:
        message = self.example()
        record = self.encode(message)
        envelope = orjson.loads(record.body)
        envelope["newer"] = {"attribute": True}
        envelope["data"]["newer_field"] = "from a newer producer"
        async with self.running(place), self.broker(place) as channel:
            await self.send(channel, record._replace(body=orjson.dumps(envelope)))
            await eventually(lambda: self.has_effect(place, message))
        assert await list_dead_letters(place.broker_url, self.settings_class.service) == []

    async def test_duplicates_are_harmless(self, place: Place) -> None:
        message = self.example()
        record = self.encode(message)
        async with self.running(place), self.broker(place) as channel:
            for _ in range(5):
                await self.send(channel, record)
            later = self.example()
            await eventually(lambda: self.has_effect(place, message))
            await self.send(channel, record)
            await self.send(channel, self.encode(later))
            await eventually(lambda: self.has_effect(place, later))
            await eventually(lambda: self.is_idle(place))
        assert await self.effects(place.database_url, message) == 1
        assert await list_dead_letters(place.broker_url, self.settings_class.service) == []

    async def test_poison_is_dead_lettered_and_the_next_message_is_handled(self, place: Place) -> None:
        service = self.settings_class.service
        message = self.example()
        record = self.encode(message)
        broken = orjson.loads(record.body)
        broken["data"] = {"nothing": "that is expected"}
        unknown = {**orjson.loads(record.body), "type": "twotop.not.known.v9"}
        poison = [b"\x00not json\xff", orjson.dumps(broken), orjson.dumps(unknown)]
        async with self.running(place), self.broker(place) as channel:
            for body in poison:
                await self.send(channel, record._replace(body=body))
            await self.send(channel, record)
            await eventually(lambda: self.has_effect(place, message))

            async def buried() -> bool:
                return len(await list_dead_letters(place.broker_url, service)) == len(poison)

            await eventually(buried)
            letters = await list_dead_letters(place.broker_url, service)
            assert sorted(letter.body for letter in letters) == sorted(poison)
            # Replayed poison is poison still; nothing is lost and nothing blocks.
            assert await replay_dead_letters(place.broker_url, service) == len(poison)
            await eventually(buried)

    async def test_the_outbox_survives_a_broker_outage(self, place: Place) -> None:
        async with self.broker(place) as channel:
            spy = (await channel.queue_declare("", exclusive=True)).queue or ""
            await channel.queue_bind(spy, EVENTS_EXCHANGE, "#")
            async with self.running(place) as service:
                await place.proxy.cut()
                await self.produce(service)
                waiting = await eventually(lambda: _outbox(place.database_url))
                assert (await service.client.get("/health/ready")).status_code == 200
                await place.proxy.restore()

                async def published() -> bool:
                    return not await _outbox(place.database_url)

                await eventually(published, timeout_s=15)

                async def arrived() -> bool:
                    while True:
                        message = await channel.basic_get(spy, no_ack=True)
                        if message.delivery_tag is None:
                            return waiting <= seen
                        seen.add(message.header.properties.message_id or "")

                seen: set[str] = set()
                await eventually(arrived)

    async def test_shutdown_drains(self, place: Place) -> None:
        messages = [self.example() for _ in range(30)]
        async with self.broker(place) as channel:
            async with self.running(place):
                for message in messages:
                    await self.send(channel, self.encode(message))
                await eventually(lambda: self.has_effect(place, messages[0]))
            # Stopped in the middle: what was not handled is still there, and the next instance does it, once.
            async with self.running(place):
                for message in messages:
                    await eventually(partial(self.has_effect, place, message))
        for message in messages:
            assert await self.effects(place.database_url, message) == 1

    async def test_health_and_metrics_answer(self, place: Place) -> None:
        async with self.running(place) as service:
            for path in ("/health", "/health/live", "/health/ready", "/health/detailed", "/metrics"):
                answer = await service.client.get(path)
                assert answer.status_code == 200, (path, answer.text)

            async def dependencies() -> dict[str, Any]:
                found: dict[str, Any] = (await service.client.get("/health/detailed")).json()["dependencies"]
                assert all(dependency["status"] == "ok" for dependency in found.values()), found
                return found

            assert {"database", "broker"} <= set(await eventually(dependencies))


async def _outbox(database_url: str) -> set[str]:
    connection = await asyncpg.connect(database_url)
    try:
        return {str(row["message_id"]) for row in await connection.fetch("SELECT message_id FROM outbox")}
    finally:
        await connection.close()


def _subject_of(message: Contract) -> str:
    return str(getattr(message, "session_id", uuid4()))
