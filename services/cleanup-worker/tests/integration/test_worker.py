"""The whole worker on real servers: facts in by the broker, commands out by the broker, on time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio

from cleanup_worker.bootstrap import build
from cleanup_worker.settings import CleanupSettings
from twotop_common.contracts.cleanup_worker import ExpireSession
from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.registry import REGISTRY
from twotop_common.contracts.session_api import DeadlineSet, SessionEnded
from twotop_common.messaging.connection import open_broker
from twotop_common.messaging.consumer import Consumer, Handler
from twotop_common.messaging.delivery import Delivery
from twotop_common.messaging.outbox import outbox_record
from twotop_common.messaging.publisher import Publisher
from twotop_common.service_defaults.lifecycle import Runtime, running
from twotop_common.service_defaults.settings import SettingsInvalid, load_settings
from twotop_common.testing.backends import ServiceDatabase
from twotop_common.testing.eventually import eventually

pytestmark = pytest.mark.integration


class Owner:
    """Session-api as the worker sees it: publishes facts, hears commands and when they came."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.asked: list[tuple[ExpireSession, datetime]] = []

    async def say(self, fact: DeadlineSet | SessionEnded) -> None:
        record = outbox_record(fact, subject=str(fact.session_id), source="session-api")
        await self._publisher.publish_fact(record.message_id, record.type, record.body, {})

    async def hear(self, command: ExpireSession, _: Delivery) -> None:
        self.asked.append((command, datetime.now(UTC)))

    def asked_about(self, session_id: UUID) -> list[datetime]:
        return [at for command, at in self.asked if command.session_id == session_id]


@pytest_asyncio.fixture
async def settings(service_database: ServiceDatabase, broker_url: str) -> CleanupSettings:
    return load_settings(
        CleanupSettings,
        environment="test",
        database_url=await service_database("cleanup_worker"),
        broker_url=broker_url,
        check_every_s=0.2,
    )


@pytest_asyncio.fixture
async def owner(broker_url: str) -> AsyncIterator[Owner]:
    async with open_broker(broker_url, "owner") as broker:
        publisher = Publisher(broker)
        hearing = Owner(publisher)
        consumer = Consumer(broker, "session-api", _deaf_to_all_but(ExpireSession, hearing.hear))
        runs = [asyncio.create_task(run()) for run in (broker.run, publisher.run, consumer.run)]
        await eventually(lambda: publisher.connected and consumer.connected)
        yield hearing
        await consumer.stop()
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)


def _deaf_to_all_but(heard: type[Contract], handler: Handler) -> dict[type[Contract], Handler]:
    async def ignore(_: object, __: Delivery) -> None:
        return None

    return {**{entry.body: ignore for entry in REGISTRY.consumed_by("session-api")}, heard: handler}


async def start(stack: AsyncExitStack, settings: CleanupSettings) -> Runtime:
    runtime = await stack.enter_async_context(build(settings))
    return await stack.enter_async_context(running(runtime))


async def rows(settings: CleanupSettings, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(settings.database_url)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def test_the_owner_is_asked_on_time_and_not_again_after_its_answer(
    settings: CleanupSettings, owner: Owner
) -> None:
    async with AsyncExitStack() as stack:
        await start(stack, settings)
        session_id = uuid4()
        due_at = datetime.now(UTC) + timedelta(seconds=1)
        await owner.say(DeadlineSet(session_id=session_id, seq=1, due_at=due_at))
        await eventually(lambda: owner.asked_about(session_id))
        assert timedelta(0) <= owner.asked_about(session_id)[0] - due_at < timedelta(seconds=1)

        await owner.say(SessionEnded(session_id=session_id, seq=2, state="expired", reason="idle", ended_at=due_at))
        await eventually(lambda: _all_tombstones(settings))
    assert len(owner.asked_about(session_id)) == 1


async def _all_tombstones(settings: CleanupSettings) -> bool:
    found = await rows(settings, "SELECT forget_at FROM deadlines")
    return len(found) == 2 and all(row["forget_at"] is not None for row in found)


async def test_a_deadline_that_is_overdue_at_the_start_is_asked_about_at_once(
    settings: CleanupSettings, owner: Owner
) -> None:
    session_id = uuid4()
    await owner.say(DeadlineSet(session_id=session_id, seq=1, due_at=datetime.now(UTC) - timedelta(hours=1)))
    async with AsyncExitStack() as stack:
        await start(stack, settings)
        await eventually(lambda: owner.asked_about(session_id))


async def test_two_workers_ask_once_and_one_takes_over_when_the_other_stops(
    settings: CleanupSettings, owner: Owner
) -> None:
    ids = [uuid4() for _ in range(60)]
    async with AsyncExitStack() as survivors:
        await start(survivors, settings)
        async with AsyncExitStack() as leaving:
            await start(leaving, settings)
            now = datetime.now(UTC)
            for number, session_id in enumerate(ids):
                due_at = now + timedelta(milliseconds=20 * number)
                await owner.say(DeadlineSet(session_id=session_id, seq=1, due_at=due_at))
            await eventually(lambda: len(owner.asked) >= 10)
        await eventually(lambda: len(owner.asked) >= len(ids))
    assert sorted(command.session_id for command, _ in owner.asked) == sorted(ids)


async def test_while_the_broker_is_away_what_is_due_waits_and_does_not_pile_up(
    settings: CleanupSettings, owner: Owner
) -> None:
    unreachable = settings.model_copy(update={"broker_url": "amqp://guest:guest@127.0.0.1:9/"})
    session_id = uuid4()
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute(
        "INSERT INTO deadlines (session_id, kind, position, due_at, fires_at, asked)"
        " VALUES ($1, 'session', 1, now(), now(), 0)",
        session_id,
    )
    await connection.close()
    async with AsyncExitStack() as stack:
        looks: list[datetime] = []

        def now() -> datetime:
            looks.append(datetime.now(UTC))
            return looks[-1]

        await stack.enter_async_context(running(await stack.enter_async_context(build(unreachable, now))))
        await eventually(lambda: len(looks) > 10)
        assert not await rows(settings, "SELECT 1 FROM outbox")
    async with AsyncExitStack() as stack:
        await start(stack, settings)
        await eventually(lambda: owner.asked_about(session_id))


async def test_health_names_what_it_depends_on(settings: CleanupSettings, owner: Owner) -> None:
    async with AsyncExitStack() as stack:
        runtime = await start(stack, settings)
        client = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(runtime.app), base_url="http://worker")
        )

        async def well() -> bool:
            report = (await client.get("/health/detailed")).json()
            return report["status"] == "ok" and set(report["dependencies"]) == {"database", "broker"}

        await eventually(well)
        for path in ("/health", "/health/live", "/health/ready"):
            assert (await client.get(path)).status_code == 200
        metrics = (await client.get("/metrics")).text
        assert "twotop_deadline_lateness_seconds" in metrics
        assert "twotop_deadlines_armed" in metrics


def test_settings_outside_development_name_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOTOP_ENVIRONMENT", "production")
    with pytest.raises(SettingsInvalid, match="TWOTOP_BROKER_URL, TWOTOP_DATABASE_URL"):
        load_settings(CleanupSettings)
