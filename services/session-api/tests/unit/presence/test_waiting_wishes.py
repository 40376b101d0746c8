"""Wishes that need not wait any more take effect soon, each for itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs

from session_api.presence.domain import Waiting
from session_api.presence.sightings import Sightings
from session_api.presence.waiting_wishes import WaitingWishes
from twotop_common.testing.eventually import eventually
from twotop_common.testing.fakes import Clock


class Database:
    """Has ``waiting`` for the release, knows no phone; notes whose were looked up; away when the test says so."""

    def __init__(self) -> None:
        self.away = False
        self.waiting: list[UUID] = []
        self.readings: list[set[UUID]] = []

    async def fetch(self, query: str, *values: Any) -> list[dict[str, Any]]:
        if self.away:
            raise ConnectionRefusedError
        if "FROM session_heads" in query:
            return [{"session_id": session_id} for session_id in self.waiting]
        self.readings.append(set(values[0]))
        return []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def sightings(database: Database, clock: Clock) -> Sightings:
    pool = cast("asyncpg.Pool[Any]", database)
    return Sightings(pool, clock, publish_hint=lambda _: True, wake_relay=lambda: None)


@pytest.fixture
def wishes(database: Database, clock: Clock, sightings: Sightings) -> WaitingWishes:
    return WaitingWishes(cast("asyncpg.Pool[Any]", database), clock, sightings)


@pytest.fixture
async def released(wishes: WaitingWishes) -> AsyncIterator[list[UUID]]:
    """The sessions whose new wishes were released."""
    seen: list[UUID] = []

    async def release(session_id: UUID) -> None:
        seen.append(session_id)

    following = asyncio.create_task(wishes.follow_new(release))
    yield seen
    following.cancel()
    await asyncio.wait([following])
    assert following.cancelled()


def wish_of(phone: UUID, partner: UUID, *, arrived_at: datetime) -> Waiting:
    return Waiting(uuid4(), frozenset({partner}), {phone: arrived_at, partner: arrived_at})


async def test_a_session_that_cannot_be_released_does_not_keep_the_others_from_it(
    wishes: WaitingWishes, database: Database
) -> None:
    broken, fine = uuid4(), uuid4()
    database.waiting = [broken, fine]
    released: list[UUID] = []

    async def release(session_id: UUID) -> None:
        if session_id == broken:
            raise LookupError(session_id)
        released.append(session_id)

    await wishes.tick(release)
    assert released == [fine]


async def test_a_new_wish_for_an_absent_partner_is_released_without_waiting_for_the_next_second(
    wishes: WaitingWishes, sightings: Sightings, clock: Clock, released: list[UUID]
) -> None:
    phone, away, there = uuid4(), uuid4(), uuid4()
    for_absent = wish_of(phone, away, arrived_at=clock.now - timedelta(seconds=30))
    for_present = wish_of(phone, there, arrived_at=clock.now - timedelta(seconds=30))
    sightings.polled(for_present.session_id, there, "B")
    wishes.add(for_present)
    wishes.add(for_absent)
    assert await eventually(lambda: released) == [for_absent.session_id]


async def test_wishes_that_come_together_are_looked_at_together(
    wishes: WaitingWishes, clock: Clock, database: Database, released: list[UUID]
) -> None:
    come = [wish_of(uuid4(), uuid4(), arrived_at=clock.now - timedelta(seconds=30)) for _ in range(40)]
    for number, wish in enumerate(come):
        wishes.add(wish)
        if number % 10 == 0:
            await asyncio.sleep(0)
    await eventually(lambda: len(released) == len(come))
    assert set(released) == {wish.session_id for wish in come} == set[UUID]().union(*database.readings)
    assert len(database.readings) <= 2


async def test_a_new_wish_that_could_not_be_looked_at_is_left_to_the_next_second(
    wishes: WaitingWishes, clock: Clock, database: Database, released: list[UUID]
) -> None:
    missed, seen = (wish_of(uuid4(), uuid4(), arrived_at=clock.now - timedelta(seconds=30)) for _ in range(2))
    database.away = True
    with capture_logs() as logs:
        wishes.add(missed)
        await eventually(lambda: logs)
    database.away = False
    wishes.add(seen)
    assert await eventually(lambda: released) == [seen.session_id]
