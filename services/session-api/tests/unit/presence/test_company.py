"""What is noted of phones is written sparingly, and not lost when it cannot be written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import pytest

from session_api.presence.company import Company
from twotop_common.testing.fakes import Clock


class Database:
    """Takes down which requests were written; away when the test says so. Has ``waiting`` for the release."""

    def __init__(self) -> None:
        self.away = False
        self.written: list[datetime] = []
        self.waiting: list[UUID] = []

    async def execute(self, _: str, __: object, ___: object, times: Sequence[datetime]) -> None:
        if self.away:
            raise ConnectionRefusedError
        self.written.extend(times)

    async def fetch(self, _: str, *__: object) -> list[dict[str, Any]]:
        return [{"session_id": session_id} for session_id in self.waiting]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def company(database: Database, clock: Clock) -> Company:
    return Company(cast("asyncpg.Pool[Any]", database), clock)


async def nothing(_: UUID) -> None:
    """Releases nothing."""


async def test_the_last_request_of_a_phone_is_written_and_at_most_one_in_five_seconds(
    company: Company, database: Database, clock: Clock
) -> None:
    session_id, phone, began = uuid4(), uuid4(), clock.now
    for _ in range(8):
        company.polled(session_id, phone)
        await company.tick(nothing)
        clock.advance(seconds=1)
    assert [(at - began).total_seconds() for at in database.written] == [0, 5]
    clock.advance(seconds=5)
    await company.tick(nothing)
    await company.tick(nothing)
    assert [(at - began).total_seconds() for at in database.written] == [0, 5, 7]


async def test_what_could_not_be_written_is_written_later(company: Company, database: Database, clock: Clock) -> None:
    company.polled(uuid4(), uuid4())
    database.away = True
    with pytest.raises(ConnectionRefusedError):
        await company.tick(nothing)
    database.away = False
    await company.tick(nothing)
    assert database.written == [clock.now]


async def test_everything_noted_is_written_at_the_end(company: Company, database: Database, clock: Clock) -> None:
    session_id, phone = uuid4(), uuid4()
    company.polled(session_id, phone)
    await company.tick(nothing)
    clock.advance(seconds=1)
    company.polled(session_id, phone)
    await company.flush()
    assert database.written == [clock.now - timedelta(seconds=1), clock.now]


async def test_a_session_that_cannot_be_released_does_not_keep_the_others_from_it(
    company: Company, database: Database
) -> None:
    broken, fine = uuid4(), uuid4()
    database.waiting = [broken, fine]
    released: list[UUID] = []

    async def release(session_id: UUID) -> None:
        if session_id == broken:
            raise LookupError(session_id)
        released.append(session_id)

    await company.tick(release)
    assert released == [fine]
