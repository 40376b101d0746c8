"""The session store by itself: writers in one process, each with a session of its own, deciding and appending in turn.

What is counted is what a command costs without HTTP: decide, evolve, and the store's group commit, answered after the
commit. The database is a scratch one on the server that pgbench was measured on.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg

from session_api.play.domain import SetReady
from session_api.sessions.domain.decider import decide, evolve, fold, record
from session_api.sessions.domain.events import PartnerJoined, Recorded, SessionCreated
from session_api.sessions.domain.lifecycle import Lifetimes
from session_api.sessions.domain.state import STATE_CODE_VERSION, SessionState, to_document
from session_api.sessions.store import Append, SessionStore

DATABASE = "twotop_bench_store"
INSERT_HEAD = """
INSERT INTO session_heads (session_id, location_id, table_id, mode, state, last_seq, code_version, document, created_at,
                           active_at, due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10)
"""


async def gathered(admin_url: str, writers: int, seconds: float) -> float:
    """Appends per second that this many concurrent writers get out of one store."""
    url = urlunsplit(urlsplit(admin_url)._replace(path=f"/{DATABASE}"))
    await _admin(admin_url, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", f"CREATE DATABASE {DATABASE}")
    try:
        await _migrate(url)
        states = [_paired_session() for _ in range(writers)]
        await _insert(url, states)
        store = SessionStore(url)
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


async def _write(store: SessionStore, states: list[SessionState], seconds: float) -> int:
    until = time.perf_counter() + seconds
    return sum(await asyncio.gather(*(_writer(store, states, place, until) for place in range(len(states)))))


async def _writer(store: SessionStore, states: list[SessionState], place: int, until: float) -> int:
    written = 0
    state = states[place]
    actor = state.members[0].participant_id
    while time.perf_counter() < until:
        now = datetime.now(UTC)
        key = str(uuid4())
        events = decide(state, SetReady(actor not in state.play.ready), actor)
        recorded = record(state, events, now, str(actor), key)
        after = state
        for entry in recorded:
            after = evolve(after, entry)
        item = Append(state.last_seq, str(actor), key, b"\0" * 32, recorded, after, now)
        if not await store.append(item):
            raise RuntimeError("an append to a session of its own was refused")
        state = states[place] = after
        written += 1
    return written


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
    process = await asyncio.create_subprocess_exec(program, "migrate", "up", env=environment)
    if await process.wait() != 0:
        raise RuntimeError("session-api migrate up failed")


async def _admin(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()
