"""Appends under haste, bad rows, lost connections and other writers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from session_api_testing.builders import PHONE_A, created

from session_api.play.domain.commands import ChooseContext
from session_api.play.domain.decks import Context
from session_api.sessions import queries, store
from session_api.sessions.domain.decider import decide, evolve, record
from session_api.sessions.domain.state import SessionState
from session_api.sessions.errors import StoreUnavailable
from session_api.sessions.lanes import StoreLanes
from session_api.sessions.store import Append, SessionStore
from twotop_common.testing.backends import ServiceDatabase
from twotop_common.testing.eventually import eventually

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture
async def database_url(service_database: ServiceDatabase) -> str:
    return await service_database("session_api")


@pytest_asyncio.fixture
async def connection(database_url: str) -> AsyncIterator[Any]:
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


@asynccontextmanager
async def running_store(database_url: str) -> AsyncIterator[SessionStore]:
    sessions = SessionStore(database_url)
    task = asyncio.create_task(sessions.run())
    try:
        yield sessions
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def new_head(connection: Any) -> SessionState:
    first = created("single", at=datetime.now(UTC))
    state = evolve(None, first)
    await store.create(connection, [first], state)
    return state


def choosing(state: SessionState, context: Context = "mature", key: str | None = None) -> Append:
    """The append of one command decided on ``state``."""
    recorded = record(state, decide(state, ChooseContext(context), PHONE_A), datetime.now(UTC), str(PHONE_A), None)
    after = state
    for entry in recorded:
        after = evolve(after, entry)
    return Append(state.last_seq, str(PHONE_A), key or uuid4().hex, b"body", recorded, after, datetime.now(UTC))


async def stored(connection: Any, state: SessionState) -> tuple[int, list[int]]:
    head = await queries.find_head(connection, state.session_id)
    assert head is not None
    events = await queries.events_after(connection, state.session_id, 0, limit=None)
    return head.state.last_seq, [entry.seq for entry in events]


async def test_a_batch_writes_many_sessions_at_once(connection: Any) -> None:
    states = [await new_head(connection) for _ in range(40)]
    written = await store.append(connection, [choosing(state) for state in states])
    assert written == {state.session_id for state in states}
    for state in states:
        assert await stored(connection, state) == (3, [1, 2, 3])


async def test_who_decided_on_an_old_head_is_not_written(connection: Any) -> None:
    state = await new_head(connection)
    first, second = choosing(state), choosing(state, "established")
    assert await store.append(connection, [first]) == {state.session_id}
    assert await store.append(connection, [second]) == set()
    assert await stored(connection, state) == (3, [1, 2, 3])


async def test_a_key_is_written_once_even_when_decided_on_the_new_head(connection: Any) -> None:
    state = await new_head(connection)
    first = choosing(state, key="k")
    await store.append(connection, [first])
    assert await store.append(connection, [choosing(first.after, "established", key="k")]) == set()
    noop = Append(first.after.last_seq, str(PHONE_A), "n", b"", [], first.after, datetime.now(UTC))
    assert await store.append(connection, [noop]) == {state.session_id}
    assert await store.append(connection, [noop]) == set()


async def test_one_bad_row_harms_nobody_else(database_url: str, connection: Any) -> None:
    good, bad = await new_head(connection), await new_head(connection)
    broken = choosing(bad)
    broken = replace(broken, key="no\x00key")
    async with running_store(database_url) as sessions:
        results = await asyncio.gather(sessions.append(choosing(good)), sessions.append(broken), return_exceptions=True)
        assert results[0] is True
        assert isinstance(results[1], asyncpg.PostgresError | ValueError)
        assert await sessions.append(choosing(bad)) is True


async def test_a_locked_row_is_left_out_and_the_rest_is_written(database_url: str, connection: Any) -> None:
    free, locked = await new_head(connection), await new_head(connection)
    other = await asyncpg.connect(database_url)
    async with running_store(database_url) as sessions:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("SELECT 1 FROM session_heads WHERE session_id = $1 FOR UPDATE", locked.session_id)
        results = await asyncio.gather(sessions.append(choosing(free)), sessions.append(choosing(locked)))
        assert list(results) == [True, False]
        await transaction.rollback()
        assert await sessions.append(choosing(locked)) is True
    await other.close()


async def test_the_same_session_twice_goes_into_two_batches(database_url: str, connection: Any) -> None:
    state = await new_head(connection)
    async with running_store(database_url) as sessions:
        results = await asyncio.gather(*(sessions.append(choosing(state, "established")) for _ in range(10)))
    assert sorted(results) == [False] * 9 + [True]
    assert await stored(connection, state) == (2, [1, 2])


async def test_overlapping_batches_of_two_processes_neither_deadlock_nor_lose(
    database_url: str, connection: Any
) -> None:
    states = [await new_head(connection) for _ in range(20)]
    async with running_store(database_url) as one, running_store(database_url) as other:

        async def write(sessions: SessionStore, state: SessionState, times: int) -> int:
            done = 0
            reader = await asyncpg.connect(database_url)
            while done < times:
                head = await queries.find_head(reader, state.session_id)
                assert head is not None
                context: Context = "established" if head.state.play.context == "exploring" else "exploring"
                done += await sessions.append(choosing(head.state, context))
            await reader.close()
            return done

        counts = await asyncio.gather(*(write(writer, state, 10) for state in states for writer in (one, other)))
    assert sum(counts) == 400
    for state in states:
        last_seq, seqs = await stored(connection, state)
        assert seqs == list(range(1, last_seq + 1))
        assert last_seq == 21


async def test_a_lost_connection_is_made_anew_and_nothing_is_written_twice(
    database_url: str, connection: Any, postgres_admin_url: str
) -> None:
    states = [await new_head(connection) for _ in range(8)]
    admin = await asyncpg.connect(postgres_admin_url)
    async with running_store(database_url) as sessions:
        done = 0
        one_at_a_time = asyncio.Lock()

        def done_at_least(number: int) -> bool:
            return done >= number

        async def kill() -> None:
            for killed_after in range(20, 200, 20):
                await eventually(partial(done_at_least, killed_after), interval_s=0.001)
                await admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = $1 AND application_name = 'store'",
                    database_url.rsplit("/", 1)[1].split("?", maxsplit=1)[0],
                )

        async def write(state: SessionState) -> None:
            nonlocal done
            for number in range(25):
                item = choosing(state, "established" if number % 2 == 0 else "exploring")
                if not await sessions.append(item):
                    # What happened after all is known by its key and is not written again.
                    key = (item.after.session_id, item.actor, item.key)
                    async with one_at_a_time:
                        _, happened = await queries.find_head_and_command(connection, *key)
                    assert happened is not None
                state = item.after
                done += 1

        killing = asyncio.create_task(kill())
        await asyncio.gather(*map(write, states))
        await killing
    await admin.close()
    for state in states:
        assert await stored(connection, state) == (26, list(range(1, 27)))


async def test_an_end_is_not_written_over_fresh_activity(connection: Any) -> None:
    state = await new_head(connection)
    now = datetime.now(UTC)
    due = state.due(now).at
    assert await queries.touch(connection, state.session_id, last_seq=1, active_at=now, due_at=due)
    ended = replace(choosing(state), active_at=state.created_at)
    ended = replace(ended, after=replace(ended.after, ended_at=now, state="expired"))
    assert await store.append(connection, [ended]) == set()


async def test_an_unreachable_database_is_said_and_callers_are_not_kept(database_url: str) -> None:
    nobody_listens = urlsplit(database_url)._replace(netloc="nobody@127.0.0.1:1")
    sessions = SessionStore(urlunsplit(nobody_listens), give_up_s=0.3)
    task = asyncio.create_task(sessions.run())
    with pytest.raises(StoreUnavailable):
        await sessions.append(choosing(evolve(None, created("single"))))
    task.cancel()


async def test_callers_still_waiting_at_the_stop_learn_that_the_outcome_is_unknown(
    database_url: str, connection: Any
) -> None:
    state = await new_head(connection)
    other = await asyncpg.connect(database_url)
    await other.execute("BEGIN")
    await other.execute("LOCK TABLE session_commands IN ACCESS EXCLUSIVE MODE")
    sessions = SessionStore(database_url)
    task = asyncio.create_task(sessions.run())
    first = asyncio.create_task(sessions.append(choosing(state)))
    await eventually(lambda: sessions.in_flight)
    second = asyncio.create_task(sessions.append(choosing(state, "established")))
    await eventually(lambda: len(sessions.waiting) == 1)
    task.cancel()
    outcomes = await asyncio.gather(first, second, return_exceptions=True)
    assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)
    await other.close()


async def test_lanes_write_many_sessions_at_once_each_in_its_order(database_url: str, connection: Any) -> None:
    lanes = StoreLanes([SessionStore(database_url), SessionStore(database_url)])
    task = asyncio.create_task(lanes.run())
    states = [await new_head(connection) for _ in range(20)]

    async def choose_in_turn(state: SessionState) -> None:
        contexts: tuple[Context, ...] = ("exploring", "established", "exploring", "established")
        for context in contexts:
            item = choosing(state, context)
            assert await lanes.append(item)
            state = item.after

    await asyncio.gather(*(choose_in_turn(state) for state in states))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    for state in states:
        assert await stored(connection, state) == (5, [1, 2, 3, 4, 5])


async def test_what_was_decided_in_another_history_is_not_written(database_url: str, connection: Any) -> None:
    sessions = SessionStore(database_url, epoch=lambda: "after the failover")
    task = asyncio.create_task(sessions.run())
    state = await new_head(connection)
    decided_before = replace(choosing(state, "exploring"), epoch="before the failover")
    assert not await sessions.append(decided_before)
    assert await sessions.append(replace(decided_before, epoch="after the failover"))
    task.cancel()
    assert await stored(connection, state) == (2, [1, 2])
