"""The alarm: rings when told, earlier when told, and never sleeps too long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from cleanup_worker.alarm import Alarm
from twotop_common.testing.eventually import eventually

HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def going(alarm: Alarm) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(alarm.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def counting(
    answer: Callable[[int], datetime | None],
) -> tuple[list[datetime], Callable[[], Awaitable[datetime | None]]]:
    rings: list[datetime] = []

    async def ring() -> datetime | None:
        rings.append(now())
        return answer(len(rings))

    return rings, ring


async def test_rings_when_the_last_ring_said_and_not_before() -> None:
    due = now() + timedelta(milliseconds=60)
    rings, ring = counting(lambda count: due if count == 1 else None)
    async with going(Alarm(ring, now, HOUR)):
        await eventually(lambda: len(rings) == 2)
    assert timedelta(0) <= rings[1] - due < timedelta(milliseconds=50)


async def test_an_earlier_deadline_wakes_it() -> None:
    rings, ring = counting(lambda _: None)
    alarm = Alarm(ring, now, HOUR)
    async with going(alarm):
        await eventually(lambda: len(rings) == 1)
        due = now() + timedelta(milliseconds=20)
        alarm.set(due)
        alarm.set(due + HOUR)
        await eventually(lambda: len(rings) == 2)
    assert rings[1] >= due


async def test_it_never_sleeps_longer_than_it_may() -> None:
    rings, ring = counting(lambda _: now() + HOUR)
    async with going(Alarm(ring, now, timedelta(milliseconds=10))):
        await eventually(lambda: len(rings) >= 3)


async def test_a_deadline_that_comes_in_during_a_ring_is_not_slept_over() -> None:
    alarm: Alarm

    def answer(count: int) -> datetime | None:
        if count == 1:
            alarm.set(now())
        return None

    rings, ring = counting(answer)
    alarm = Alarm(ring, now, HOUR)
    async with going(alarm):
        await eventually(lambda: len(rings) == 2)


async def test_an_absent_database_is_waited_for() -> None:
    def answer(count: int) -> datetime | None:
        if count < 3:
            raise ConnectionRefusedError
        return None

    rings, ring = counting(answer)
    async with going(Alarm(ring, now, timedelta(milliseconds=5))):
        await eventually(lambda: len(rings) >= 4)


async def test_a_mistake_ends_it() -> None:
    def answer(_: int) -> datetime | None:
        raise KeyError("a mistake")

    _, ring = counting(answer)
    with pytest.raises(KeyError):
        await Alarm(ring, now, HOUR).run()
