"""Who polls without a socket is told to gateways and, of device B, to pairing; of the others nothing is said."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from session_api.presence.sightings import Sightings
from twotop_common.contracts.registry import REGISTRY
from twotop_common.contracts.session_api import ParticipantPolling
from twotop_common.contracts.session_log import PollingHint
from twotop_common.testing.backends import ServiceDatabase
from twotop_common.testing.fakes import Clock

pytestmark = pytest.mark.integration

SESSION, PHONE = uuid4(), uuid4()


@pytest.fixture
async def pool(service_database: ServiceDatabase) -> AsyncIterator[asyncpg.Pool[Any]]:
    async with asyncpg.create_pool(await service_database("session_api"), min_size=1, max_size=1) as pool:
        yield pool


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hints() -> list[PollingHint]:
    return []


@pytest.fixture
def sightings(pool: asyncpg.Pool[Any], clock: Clock, hints: list[PollingHint]) -> Sightings:
    def publish(hint: PollingHint) -> bool:
        hints.append(hint)
        return True

    return Sightings(pool, clock, publish_hint=publish, wake_relay=lambda: None)


async def ask(sightings: Sightings, clock: Clock, *, after_s: float = 6) -> None:
    clock.advance(seconds=after_s)
    sightings.polled(SESSION, PHONE, "B")
    await sightings.tick()


async def facts(pool: asyncpg.Pool[Any]) -> list[ParticipantPolling]:
    rows = await pool.fetch(
        "SELECT body FROM outbox WHERE type = $1 ORDER BY position", REGISTRY.of(ParticipantPolling).name
    )
    return [ParticipantPolling.model_validate(json.loads(row["body"])["data"]) for row in rows]


async def test_of_a_phone_that_opens_its_socket_soon_after_its_first_request_nothing_is_said(
    sightings: Sightings, pool: asyncpg.Pool[Any], clock: Clock, hints: list[PollingHint]
) -> None:
    await ask(sightings, clock)
    await sightings.connected(SESSION, PHONE, clock.now)
    for _ in range(3):
        await ask(sightings, clock)
    assert hints == []
    assert await facts(pool) == []


async def test_of_a_phone_without_a_socket_every_further_request_is_told(
    sightings: Sightings, pool: asyncpg.Pool[Any], clock: Clock, hints: list[PollingHint]
) -> None:
    await ask(sightings, clock)
    await ask(sightings, clock)
    hint = PollingHint(session_id=SESSION, participant_id=PHONE, role="B", present_for_s=30)
    fact = ParticipantPolling(session_id=SESSION, participant_id=PHONE, polled_at=clock.now)
    assert hints == [hint]
    assert await facts(pool) == [fact]
    await ask(sightings, clock, after_s=15)
    assert hints == [hint, hint]
    assert await facts(pool) == [fact, fact.model_copy(update={"polled_at": clock.now})]


async def test_when_a_socket_opens_its_room_is_told_who_polls_meanwhile_and_pairing_is_not(
    sightings: Sightings, pool: asyncpg.Pool[Any], clock: Clock, hints: list[PollingHint]
) -> None:
    opening = uuid4()
    for _ in range(2):
        await ask(sightings, clock)
    hints.clear()
    told = await facts(pool)
    await sightings.connected(SESSION, opening, clock.now)
    clock.advance(seconds=10)
    for _ in range(2):
        await sightings.tell_of(SESSION, {PHONE: "B"})
    assert hints == 2 * [PollingHint(session_id=SESSION, participant_id=PHONE, role="B", present_for_s=20)]
    await sightings.flush()
    assert await facts(pool) == told
    clock.advance(seconds=20)
    await sightings.tell_of(SESSION, {PHONE: "B", opening: "A"})
    assert len(hints) == 2


async def test_a_phone_whose_socket_is_gone_is_told_of_as_soon_as_that_is_known(
    sightings: Sightings, pool: asyncpg.Pool[Any], clock: Clock, hints: list[PollingHint]
) -> None:
    await sightings.connected(SESSION, PHONE, clock.now)
    await ask(sightings, clock, after_s=15)
    polled_at = clock.now
    clock.advance(seconds=4)
    assert hints == []
    await sightings.gone(SESSION, PHONE, "B", clock.now)
    assert hints == [PollingHint(session_id=SESSION, participant_id=PHONE, role="B", present_for_s=26)]
    await sightings.tick()
    assert await facts(pool) == [ParticipantPolling(session_id=SESSION, participant_id=PHONE, polled_at=polled_at)]
