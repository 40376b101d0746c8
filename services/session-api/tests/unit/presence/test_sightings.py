"""What is noted of phones is written sparingly, and not lost when it cannot be written."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import pytest

from session_api.presence.sightings import Sightings
from twotop_common.contracts.session_api import Role
from twotop_common.contracts.session_log import PollingHint
from twotop_common.testing.fakes import Clock


class Database:
    """Takes down which requests were written, and what pairing is told; away when the test says so."""

    def __init__(self) -> None:
        self.away = False
        self.written: list[datetime] = []
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

    async def fetch(
        self, query: str, sessions: Sequence[UUID], phones: Sequence[UUID] = (), times: Sequence[datetime] = ()
    ) -> list[dict[str, Any]]:
        if self.away:
            raise ConnectionRefusedError
        if "SELECT session_id" in query:
            return []
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
def sightings(database: Database, clock: Clock, hints: list[PollingHint]) -> Sightings:
    def publish(hint: PollingHint) -> bool:
        hints.append(hint)
        return True

    return Sightings(cast("asyncpg.Pool[Any]", database), clock, publish_hint=publish, wake_relay=lambda: None)


async def test_the_last_request_of_a_phone_is_written_and_at_most_one_in_five_seconds(
    sightings: Sightings, database: Database, clock: Clock
) -> None:
    session_id, phone, began = uuid4(), uuid4(), clock.now
    for _ in range(8):
        sightings.polled(session_id, phone, "A")
        await sightings.tick()
        clock.advance(seconds=1)
    assert [(at - began).total_seconds() for at in database.written] == [0, 5]
    clock.advance(seconds=5)
    await sightings.tick()
    await sightings.tick()
    assert [(at - began).total_seconds() for at in database.written] == [0, 5, 7]


async def test_what_could_not_be_written_is_written_later(
    sightings: Sightings, database: Database, clock: Clock
) -> None:
    sightings.polled(uuid4(), uuid4(), "A")
    database.away = True
    with pytest.raises(ConnectionRefusedError):
        await sightings.tick()
    database.away = False
    await sightings.tick()
    assert database.written == [clock.now]


async def test_everything_noted_is_written_at_the_end(sightings: Sightings, database: Database, clock: Clock) -> None:
    session_id, phone = uuid4(), uuid4()
    sightings.polled(session_id, phone, "A")
    await sightings.tick()
    clock.advance(seconds=1)
    sightings.polled(session_id, phone, "A")
    await sightings.flush()
    assert database.written == [clock.now - timedelta(seconds=1), clock.now]


async def test_gateways_hear_of_a_phone_without_a_socket_as_often_as_its_requests_are_written(
    sightings: Sightings, clock: Clock, hints: list[PollingHint]
) -> None:
    session_id, phone = uuid4(), uuid4()
    for _ in range(8):
        sightings.polled(session_id, phone, "B")
        await sightings.tick()
        clock.advance(seconds=1)
    clock.advance(seconds=3)
    await sightings.tick()
    about = {"session_id": session_id, "participant_id": phone, "role": "B"}
    assert hints == [PollingHint(**about, present_for_s=left) for left in (30, 26)]


async def test_a_phone_that_asks_once_and_opens_no_socket_is_told_of_some_seconds_later(
    sightings: Sightings, clock: Clock, hints: list[PollingHint]
) -> None:
    session_id, phone = uuid4(), uuid4()
    sightings.polled(session_id, phone, "B")
    for _ in range(12):
        await sightings.tick()
        clock.advance(seconds=1)
    assert hints == [PollingHint(session_id=session_id, participant_id=phone, role="B", present_for_s=25)]


async def test_gateways_do_not_hear_of_requests_while_a_socket_is_open_or_that_count_no_more(
    sightings: Sightings, database: Database, clock: Clock, hints: list[PollingHint]
) -> None:
    phone = uuid4()
    sightings.polled(uuid4(), phone, "A")
    database.sockets[phone] = (clock.now, None)
    clock.advance(seconds=1)
    sightings.polled(uuid4(), phone, "A")
    sightings.polled(uuid4(), uuid4(), "B")
    database.away = True
    with pytest.raises(ConnectionRefusedError):
        await sightings.tick()
    database.away = False
    clock.advance(seconds=30)
    await sightings.tick()
    assert len(database.written) == 3
    assert hints == []
    assert database.outbox == []


async def test_a_request_that_is_not_written_yet_is_told_of_when_another_phone_opens_a_socket(
    sightings: Sightings, clock: Clock, hints: list[PollingHint]
) -> None:
    session_id, opening, polling, silent = uuid4(), uuid4(), uuid4(), uuid4()
    for phone in (opening, polling):
        sightings.polled(session_id, phone, "A")
    clock.advance(seconds=2)
    await sightings.tell_of(session_id, {polling: "A", silent: "B"})
    assert hints == [PollingHint(session_id=session_id, participant_id=polling, role="A", present_for_s=28)]


async def test_a_phone_declared_gone_that_polls_since_its_socket_was_lost_is_told_of_at_once(
    sightings: Sightings, database: Database, clock: Clock, hints: list[PollingHint]
) -> None:
    session_id, written, unwritten, silent = uuid4(), uuid4(), uuid4(), uuid4()
    lost_at = clock.now
    database.sockets = dict.fromkeys((written, unwritten, silent), (lost_at, None))
    clock.advance(seconds=12)
    sightings.polled(session_id, written, "A")
    await sightings.tick()
    sightings.polled(session_id, unwritten, "B")
    clock.advance(seconds=8)
    roles: list[tuple[UUID, Role]] = [(written, "A"), (unwritten, "B"), (silent, "B")]
    for phone, role in roles:
        database.sockets[phone] = (lost_at, None)
        await sightings.gone(session_id, phone, role, lost_at + timedelta(seconds=10))
    assert [(hint.participant_id, hint.present_for_s) for hint in hints] == [(written, 22), (unwritten, 22)]
    await sightings.tick()
    assert [fact["participant_id"] for fact in database.outbox] == [str(unwritten)]


async def test_pairing_hears_of_the_last_request_of_b_and_at_most_every_fifteen_seconds(
    sightings: Sightings, database: Database, clock: Clock
) -> None:
    session_id, a, b, began = uuid4(), uuid4(), uuid4(), clock.now
    for second in range(80):
        if second <= 22:
            sightings.polled(session_id, a, "A")
            sightings.polled(session_id, b, "B")
        await sightings.tick()
        clock.advance(seconds=1)
    assert {(fact["session_id"], fact["participant_id"]) for fact in database.outbox} == {(str(session_id), str(b))}
    told = [datetime.fromisoformat(fact["polled_at"]) - began for fact in database.outbox]
    assert [at.total_seconds() for at in told] == [5, 20, 22]


async def test_what_pairing_was_not_told_yet_is_told_at_the_end(
    sightings: Sightings, database: Database, clock: Clock
) -> None:
    session_id, phone = uuid4(), uuid4()
    for _ in range(3):
        sightings.polled(session_id, phone, "B")
        await sightings.tick()
        clock.advance(seconds=6)
    assert len(database.outbox) == 1
    await sightings.flush()
    assert [datetime.fromisoformat(fact["polled_at"]) for fact in database.outbox][1:] == [
        clock.now - timedelta(seconds=6)
    ]
