"""What is noted of phones is written sparingly, and not lost when it cannot be written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs

from session_api.presence.company import Company
from session_api.presence.domain import Waiting
from twotop_common.contracts.session_api import Role
from twotop_common.contracts.session_log import PollingHint
from twotop_common.testing.eventually import eventually
from twotop_common.testing.fakes import Clock


class Database:
    """Takes down which requests were written and whose phones were looked up; away when the test says so.

    Has ``waiting`` for the release; knows no phone.
    """

    def __init__(self) -> None:
        self.away = False
        self.written: list[datetime] = []
        self.waiting: list[UUID] = []
        self.readings: list[set[UUID]] = []
        self.sockets: dict[UUID, tuple[datetime | None, datetime | None]] = {}
        self.polled_at: dict[UUID, datetime] = {}
        self.outbox: list[dict[str, Any]] = []

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Database]:
        yield self

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        yield

    async def execute(self, _: str, __: object, ___: object, bodies: Sequence[bytes], ____: object) -> None:
        self.outbox.extend(json.loads(body)["data"] for body in bodies)

    async def fetch(self, query: str, *values: Any) -> list[dict[str, Any]]:
        if self.away:
            raise ConnectionRefusedError
        if "INSERT INTO sightings" in query:
            return self._sight(query, *values)
        if "FROM sightings" in query:
            self.readings.append(set(values[0]))
            return []
        return [{"session_id": session_id} for session_id in self.waiting]

    def _sight(
        self, query: str, sessions: Sequence[UUID], phones: Sequence[UUID], times: Sequence[datetime]
    ) -> list[dict[str, Any]]:
        if "polled_at)" in query:
            self.written.extend(times)
            known = set(self.polled_at) | set(self.sockets)
            self.polled_at.update(zip(phones, times, strict=True))
        else:
            known = set(phones)
            self.sockets.update({phone: (self.sockets[phone][0], at) for phone, at in zip(phones, times, strict=True)})
        return [
            {
                "session_id": session_id,
                "participant_id": phone,
                "connected_at": self.sockets.get(phone, (None, None))[0],
                "gone_at": self.sockets.get(phone, (None, None))[1],
                "polled_at": self.polled_at.get(phone),
                "is_new": phone not in known,
            }
            for session_id, phone in zip(sessions, phones, strict=True)
        ]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def hints() -> list[PollingHint]:
    return []


@pytest.fixture
def company(database: Database, clock: Clock, hints: list[PollingHint]) -> Company:
    def publish(hint: PollingHint) -> bool:
        hints.append(hint)
        return True

    return Company(cast("asyncpg.Pool[Any]", database), clock, publish_hint=publish, wake_relay=lambda: None)


@pytest.fixture
async def released(company: Company) -> AsyncIterator[list[UUID]]:
    """The sessions whose new wishes were released."""
    seen: list[UUID] = []

    async def release(session_id: UUID) -> None:
        seen.append(session_id)

    following = asyncio.create_task(company.follow_new_wishes(release))
    yield seen
    following.cancel()
    await asyncio.wait([following])
    assert following.cancelled()


def wish_of(phone: UUID, partner: UUID, *, arrived_at: datetime) -> Waiting:
    return Waiting(uuid4(), frozenset({partner}), {phone: arrived_at, partner: arrived_at})


async def nothing(_: UUID) -> None:
    """Releases nothing."""


async def test_the_last_request_of_a_phone_is_written_and_at_most_one_in_five_seconds(
    company: Company, database: Database, clock: Clock
) -> None:
    session_id, phone, began = uuid4(), uuid4(), clock.now
    for _ in range(8):
        company.polled(session_id, phone, "A")
        await company.tick(nothing)
        clock.advance(seconds=1)
    assert [(at - began).total_seconds() for at in database.written] == [0, 5]
    clock.advance(seconds=5)
    await company.tick(nothing)
    await company.tick(nothing)
    assert [(at - began).total_seconds() for at in database.written] == [0, 5, 7]


async def test_what_could_not_be_written_is_written_later(company: Company, database: Database, clock: Clock) -> None:
    company.polled(uuid4(), uuid4(), "A")
    database.away = True
    with pytest.raises(ConnectionRefusedError):
        await company.tick(nothing)
    database.away = False
    await company.tick(nothing)
    assert database.written == [clock.now]


async def test_everything_noted_is_written_at_the_end(company: Company, database: Database, clock: Clock) -> None:
    session_id, phone = uuid4(), uuid4()
    company.polled(session_id, phone, "A")
    await company.tick(nothing)
    clock.advance(seconds=1)
    company.polled(session_id, phone, "A")
    await company.flush()
    assert database.written == [clock.now - timedelta(seconds=1), clock.now]


async def test_gateways_hear_of_a_phone_without_a_socket_as_often_as_its_requests_are_written(
    company: Company, clock: Clock, hints: list[PollingHint]
) -> None:
    session_id, phone = uuid4(), uuid4()
    for _ in range(8):
        company.polled(session_id, phone, "B")
        await company.tick(nothing)
        clock.advance(seconds=1)
    clock.advance(seconds=3)
    await company.tick(nothing)
    about = {"session_id": session_id, "participant_id": phone, "role": "B"}
    assert hints == [PollingHint(**about, present_for_s=left) for left in (30, 26)]


async def test_gateways_do_not_hear_of_requests_while_a_socket_is_open_or_that_count_no_more(
    company: Company, database: Database, clock: Clock, hints: list[PollingHint]
) -> None:
    phone = uuid4()
    company.polled(uuid4(), phone, "A")
    database.sockets[phone] = (clock.now, None)
    clock.advance(seconds=1)
    company.polled(uuid4(), phone, "A")
    company.polled(uuid4(), uuid4(), "B")
    database.away = True
    with pytest.raises(ConnectionRefusedError):
        await company.tick(nothing)
    database.away = False
    clock.advance(seconds=30)
    await company.tick(nothing)
    assert len(database.written) == 3
    assert hints == []
    assert database.outbox == []


async def test_a_phone_declared_gone_that_polls_since_its_socket_was_lost_is_told_of_at_once(
    company: Company, database: Database, clock: Clock, hints: list[PollingHint]
) -> None:
    session_id, written, unwritten, silent = uuid4(), uuid4(), uuid4(), uuid4()
    lost_at = clock.now
    database.sockets = dict.fromkeys((written, unwritten, silent), (lost_at, None))
    clock.advance(seconds=12)
    company.polled(session_id, written, "A")
    await company.tick(nothing)
    company.polled(session_id, unwritten, "B")
    clock.advance(seconds=8)
    roles: list[tuple[UUID, Role]] = [(written, "A"), (unwritten, "B"), (silent, "B")]
    for phone, role in roles:
        database.sockets[phone] = (lost_at, None)
        await company.gone(session_id, phone, role, lost_at + timedelta(seconds=10))
    assert [(hint.participant_id, hint.present_for_s) for hint in hints] == [(written, 22), (unwritten, 22)]
    await company.tick(nothing)
    assert [fact["participant_id"] for fact in database.outbox] == [str(unwritten)]


async def test_pairing_hears_of_the_last_request_of_b_and_at_most_every_fifteen_seconds(
    company: Company, database: Database, clock: Clock
) -> None:
    session_id, a, b, began = uuid4(), uuid4(), uuid4(), clock.now
    for second in range(80):
        if second <= 22:
            company.polled(session_id, a, "A")
            company.polled(session_id, b, "B")
        await company.tick(nothing)
        clock.advance(seconds=1)
    assert {(fact["session_id"], fact["participant_id"]) for fact in database.outbox} == {(str(session_id), str(b))}
    told = [datetime.fromisoformat(fact["polled_at"]) - began for fact in database.outbox]
    assert [at.total_seconds() for at in told] == [5, 20, 22]


async def test_what_pairing_was_not_told_yet_is_told_at_the_end(
    company: Company, database: Database, clock: Clock
) -> None:
    session_id, phone = uuid4(), uuid4()
    for _ in range(3):
        company.polled(session_id, phone, "B")
        await company.tick(nothing)
        clock.advance(seconds=6)
    assert len(database.outbox) == 1
    await company.flush()
    assert [datetime.fromisoformat(fact["polled_at"]) for fact in database.outbox][1:] == [
        clock.now - timedelta(seconds=6)
    ]


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


async def test_a_new_wish_for_an_absent_partner_is_released_without_waiting_for_the_next_second(
    company: Company, clock: Clock, released: list[UUID]
) -> None:
    phone, away, there = uuid4(), uuid4(), uuid4()
    for_absent = wish_of(phone, away, arrived_at=clock.now - timedelta(seconds=30))
    for_present = wish_of(phone, there, arrived_at=clock.now - timedelta(seconds=30))
    company.polled(for_present.session_id, there, "B")
    company.wish_waits(for_present)
    company.wish_waits(for_absent)
    assert await eventually(lambda: released) == [for_absent.session_id]


async def test_wishes_that_come_together_are_looked_at_together(
    company: Company, clock: Clock, database: Database, released: list[UUID]
) -> None:
    wishes = [wish_of(uuid4(), uuid4(), arrived_at=clock.now - timedelta(seconds=30)) for _ in range(40)]
    for number, wish in enumerate(wishes):
        company.wish_waits(wish)
        if number % 10 == 0:
            await asyncio.sleep(0)
    await eventually(lambda: len(released) == len(wishes))
    assert set(released) == {wish.session_id for wish in wishes} == set[UUID]().union(*database.readings)
    assert len(database.readings) <= 2


async def test_a_new_wish_that_could_not_be_looked_at_is_left_to_the_next_second(
    company: Company, clock: Clock, database: Database, released: list[UUID]
) -> None:
    missed, seen = (wish_of(uuid4(), uuid4(), arrived_at=clock.now - timedelta(seconds=30)) for _ in range(2))
    database.away = True
    with capture_logs() as logs:
        company.wish_waits(missed)
        await eventually(lambda: logs)
    database.away = False
    company.wish_waits(seen)
    assert await eventually(lambda: released) == [seen.session_id]
