"""The session store by itself: writers in one process, each with a session of its own, one append after another.

What is counted is the store: its statement made, batched, committed and answered. Rules and HTTP are not; they are in
the lines that go through the front door. The database is a scratch one on the server that pgbench was measured on.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg

from session_api.play.domain.events import ReadyChanged
from session_api.sessions.domain.decider import fold
from session_api.sessions.domain.events import PartnerJoined, Recorded, SessionCreated
from session_api.sessions.domain.lifecycle import Lifetimes
from session_api.sessions.domain.state import STATE_CODE_VERSION, SessionState, to_document
from session_api.sessions.lanes import LANES, StoreLanes
from session_api.sessions.store import Append, SessionStore

DATABASE = "twotop_bench_store"
INSERT_HEAD = """
INSERT INTO session_heads (session_id, location_id, table_id, mode, state, last_seq, code_version, document, created_at,
                           active_at, due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10)
"""


async def gathered(admin_url: str, writers: int, seconds: float) -> float:
    """Appends per second that this many concurrent writers get out of the store of one process."""
    url = urlunsplit(urlsplit(admin_url)._replace(path=f"/{DATABASE}"))
    await _admin(admin_url, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", f"CREATE DATABASE {DATABASE}")
    try:
        await _migrate(url)
        states = [_paired_session() for _ in range(writers)]
        await _insert(url, states)
        store = StoreLanes([SessionStore(url) for _ in range(LANES)])
        running = asyncio.create_task(store.run())
        await _write(store, states, 1.0)  # plans, connections, caches
        began = time.perf_counter()
        written = await _write(store, states, seconds)
        elapsed = time.perf_counter() - began
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return written / elapsed
    finally:
        await _admin(admin_url, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")


async def _write(store: StoreLanes, states: list[SessionState], seconds: float) -> int:
    until = time.perf_counter() + seconds
    return sum(await asyncio.gather(*(_writer(store, states, place, until) for place in range(len(states)))))


async def _writer(store: StoreLanes, states: list[SessionState], place: int, until: float) -> int:
    """Toggles ready between two states made beforehand."""
    first = states[place]
    actor = first.members[0].participant_id
    toggled = (replace(first, play=replace(first.play, ready=frozenset({actor}))), first)
    seq = first.last_seq
    while time.perf_counter() < until:
        now = datetime.now(UTC)
        key = f"{place}-{seq}"
        event = Recorded(seq + 1, ReadyChanged(actor, ready=seq % 2 == 0), now, str(actor), key)
        after = replace(toggled[seq % 2], last_seq=seq + 1, updated_at=now)
        if not await store.append(Append(seq, str(actor), key, b"\0" * 32, (event,), after, now)):
            raise RuntimeError("an append to a session of its own was refused")
        seq += 1
    states[place] = replace(first, last_seq=seq)
    return seq - first.last_seq


def _paired_session() -> SessionState:
    now = datetime.now(UTC)
    a, b = uuid4(), uuid4()
    created = SessionCreated(
        session_id=uuid4(),
        location_id=UUID(int=1),
        table_id=UUID(int=2),
        table_number="1",
        mode="dual",
        context="exploring",
        language="en",
        participant_id=a,
        role="A",
        nickname=None,
        service_day=now.date(),
        lifetimes=Lifetimes(),
        pairing_expires_at=now + timedelta(minutes=10),
    )
    joined = PartnerJoined(b, "B", 1, 1, None)
    return fold([Recorded(1, created, now, str(a), None), Recorded(2, joined, now, "system", None)])


async def _insert(url: str, states: list[SessionState]) -> None:
    connection = await asyncpg.connect(url)
    for state in states:
        place = (state.session_id, state.location_id, state.table_id, state.mode, state.state, state.last_seq)
        times = (state.created_at, state.due(state.created_at).at)
        await connection.execute(INSERT_HEAD, *place, STATE_CODE_VERSION, to_document(state), *times)
    await connection.close()


async def _migrate(url: str) -> None:
    program = str(Path(sys.executable).with_name("session-api"))
    environment = {**os.environ, "TWOTOP_DATABASE_URL": url}
    process = await asyncio.create_subprocess_exec(
        program, "migrate", "up", env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait() != 0:
        raise RuntimeError("session-api migrate up failed")


async def _admin(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()
