"""The log's writing side: one statement an append, gathered over sessions (group commit).

Invariants:
- One statement writes the command row, the events, the head and the outbox rows of an append, or none of them.
- It is guarded by ``last_seq`` and by the command's key: whoever decided on an old head, or repeats a command, is
  not written and is told so (``False``); it loads the head again and decides again.
- An end is only written when no activity came in meanwhile: a socket that opens in the last moment saves the session.
- While one batch is in flight the next one gathers; a batch holds one append a session, in the order of session
  ids, and takes head rows with SKIP LOCKED: two processes that overlap cannot deadlock, the later one decides again.
- A data error reruns the members of a batch one by one: one bad row harms nobody else.
- After a lost connection the append is tried again under the same guard: if it had happened after all, its key refuses
  it, and whoever asked finds the command's row when it loads the head again.
- Callers that go away cancel nothing: the batch belongs to the store's own task.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from prometheus_client import Histogram

from session_api.analytics.domain import AnalyticsRecord
from session_api.sessions.domain.events import Recorded, event_version, to_json
from session_api.sessions.domain.state import STATE_CODE_VERSION, SessionState, to_document
from session_api.sessions.errors import StoreUnavailable
from twotop_common.messaging.outbox import OutboxRecord
from twotop_common.service_defaults.database import looks_unavailable

MAX_BATCH = 256
GIVE_UP_S = 5.0

APPEND_SECONDS = Histogram(
    "twotop_append_seconds",
    "From the hand-over of an append to its commit",
    buckets=(0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1, 5),
)
BATCH_SIZE = Histogram(
    "twotop_append_batch_size", "Appends committed by one statement", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)


@dataclass(frozen=True, slots=True)
class Append:
    """One accepted command: its key, the events it caused (none for a no-op) and the state they lead to.

    ``epoch`` names the history of the database in which it was decided.
    """

    expected_seq: int
    actor: str
    key: str
    body_hash: bytes
    events: Sequence[Recorded]
    after: SessionState
    active_at: datetime
    outbox: Sequence[OutboxRecord] = ()
    analytics: Sequence[AnalyticsRecord] = ()
    epoch: str = ""


_HEADS = """
WITH wanted AS (
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::int[], $4::text[], $5::text[], $6::bytea[], $7::int[], $8::text[],
                         $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[],
                         $14::text[])
        AS w (session_id, expected_seq, last_seq, actor, key, body_hash, first_seq, state, mode, document, active_at,
              due_at, ended_at, awaited)
), locked AS (
    SELECT h.session_id FROM session_heads AS h JOIN wanted AS w USING (session_id)
    WHERE h.last_seq = w.expected_seq
      AND (w.ended_at IS NULL OR h.active_at <= w.active_at)
      AND NOT EXISTS (
          SELECT FROM session_commands AS c
          WHERE c.session_id = w.session_id AND c.actor = w.actor AND c.key = w.key)
    ORDER BY h.session_id
    FOR NO KEY UPDATE OF h SKIP LOCKED
), heads AS (
    UPDATE session_heads AS h
    SET last_seq = w.last_seq, state = w.state, mode = w.mode, code_version = $15, document = w.document::json,
        active_at = greatest(h.active_at, w.active_at), due_at = w.due_at, ended_at = w.ended_at,
        awaited = w.awaited::uuid[]
    FROM wanted AS w JOIN locked USING (session_id)
    WHERE h.session_id = w.session_id AND h.last_seq = w.expected_seq
    RETURNING h.session_id
), commands AS (
    INSERT INTO session_commands (session_id, actor, key, body_hash, first_seq, last_seq)
    SELECT w.session_id, w.actor, w.key, w.body_hash, w.first_seq, w.last_seq
    FROM wanted AS w JOIN heads USING (session_id)
), events AS (
    INSERT INTO session_events (session_id, seq, type, version, data, at, by, command_id)
    SELECT e.session_id, e.seq, e.type, e.version, e.data::json, e.at, e.by, e.command_id
    FROM unnest($16::uuid[], $17::int[], $18::text[], $19::int[], $20::text[], $21::timestamptz[], $22::text[],
                $23::text[]) AS e (session_id, seq, type, version, data, at, by, command_id)
    JOIN heads USING (session_id)
)
"""
_OUTBOX = """
, messages AS (
    INSERT INTO outbox (message_id, type, body, headers)
    SELECT o.message_id, o.type, o.body, o.headers::jsonb
    FROM unnest($24::uuid[], $25::uuid[], $26::text[], $27::bytea[], $28::text[])
        AS o (session_id, message_id, type, body, headers)
    JOIN heads USING (session_id)
), counted AS (
    INSERT INTO analytics_events (kind, location_id, service_day, mode, context, reason, duration_s, count)
    SELECT a.kind, a.location_id, a.service_day, a.mode, a.context, a.reason, a.duration_s, a.count
    FROM unnest($29::uuid[], $30::text[], $31::uuid[], $32::date[], $33::text[], $34::text[], $35::text[], $36::int[],
                $37::int[]) AS a (session_id, kind, location_id, service_day, mode, context, reason, duration_s, count)
    JOIN heads USING (session_id)
)
"""
_WRITTEN = "SELECT session_id FROM heads"
_APPEND = _HEADS + _WRITTEN
_APPEND_WITH_MESSAGES = _HEADS + _OUTBOX + _WRITTEN


async def append(connection: asyncpg.Connection[Any], appends: Sequence[Append]) -> set[UUID]:
    """Write the appends (one a session) in one statement, within the caller's transaction if it has one.

    Returns the sessions whose append was written. The others decided on an old head, repeat a command, or met a
    row that another writer holds.
    """
    ordered = sorted(appends, key=lambda item: item.after.session_id)
    arguments = _head_arguments(ordered) + _event_arguments(ordered)
    statement = _APPEND
    if any(item.outbox or item.analytics for item in ordered):
        statement = _APPEND_WITH_MESSAGES
        arguments += _outbox_arguments(ordered) + _analytics_arguments(ordered)
    return {row["session_id"] for row in await connection.fetch(statement, *arguments)}


_CREATE_HEAD = """
INSERT INTO session_heads (session_id, location_id, table_id, mode, state, last_seq, code_version, document,
                           created_at, active_at, due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::json, $9, $9, $10)
"""
_CREATE_EVENT = """
INSERT INTO session_events (session_id, seq, type, version, data, at, by, command_id)
VALUES ($1, $2, $3, $4, $5::text::json, $6, $7, $8)
"""


async def create(connection: asyncpg.Connection[Any], recorded: Sequence[Recorded], state: SessionState) -> None:
    """Write a new session's head and first events within the caller's transaction."""
    await connection.execute(
        _CREATE_HEAD,
        state.session_id,
        state.location_id,
        state.table_id,
        state.mode,
        state.state,
        state.last_seq,
        STATE_CODE_VERSION,
        to_document(state),
        state.created_at,
        state.due(state.created_at).at,
    )
    for entry in recorded:
        await connection.execute(
            _CREATE_EVENT,
            state.session_id,
            entry.seq,
            entry.type,
            event_version(entry.type),
            to_json(entry.event),
            entry.at,
            entry.by,
            entry.command_id,
        )


def _head_arguments(items: Sequence[Append]) -> list[Any]:
    return [
        [item.after.session_id for item in items],
        [item.expected_seq for item in items],
        [item.after.last_seq for item in items],
        [item.actor for item in items],
        [item.key for item in items],
        [item.body_hash for item in items],
        [item.events[0].seq if item.events else None for item in items],
        [item.after.state for item in items],
        [item.after.mode for item in items],
        [to_document(item.after) for item in items],
        [item.active_at for item in items],
        [item.after.due(item.active_at).at for item in items],
        [item.after.ended_at for item in items],
        [_awaited(item.after) for item in items],
        STATE_CODE_VERSION,
    ]


def _awaited(state: SessionState) -> str | None:
    """As text: an array of arrays would have to be rectangular."""
    return f"{{{','.join(map(str, sorted(awaited)))}}}" if (awaited := state.awaited) else None


def _event_arguments(items: Sequence[Append]) -> list[Any]:
    rows = [(item.after.session_id, recorded) for item in items for recorded in item.events]
    return [
        [session_id for session_id, _ in rows],
        [recorded.seq for _, recorded in rows],
        [recorded.type for _, recorded in rows],
        [event_version(recorded.type) for _, recorded in rows],
        [to_json(recorded.event) for _, recorded in rows],
        [recorded.at for _, recorded in rows],
        [recorded.by for _, recorded in rows],
        [recorded.command_id for _, recorded in rows],
    ]


def _outbox_arguments(items: Sequence[Append]) -> list[Any]:
    rows = [(item.after.session_id, message) for item in items for message in item.outbox]
    return [
        [session_id for session_id, _ in rows],
        [message.message_id for _, message in rows],
        [message.type for _, message in rows],
        [message.body for _, message in rows],
        [message.headers for _, message in rows],
    ]


def _analytics_arguments(items: Sequence[Append]) -> list[Any]:
    rows = [(item.after.session_id, record) for item in items for record in item.analytics]
    return [
        [session_id for session_id, _ in rows],
        [record.kind for _, record in rows],
        [record.location_id for _, record in rows],
        [record.service_day for _, record in rows],
        [record.mode for _, record in rows],
        [record.context for _, record in rows],
        [record.reason for _, record in rows],
        [record.duration_s for _, record in rows],
        [record.count for _, record in rows],
    ]


@dataclass(slots=True)
class _Waiting:
    item: Append
    written: asyncio.Future[bool]
    since: float = field(default_factory=time.perf_counter)


class SessionStore:
    """Gathers appends of the whole process into batches on one connection. ``run`` it in the background."""

    def __init__(
        self,
        database_url: str,
        on_connected: Callable[[asyncpg.Connection[Any]], Awaitable[None]] | None = None,
        *,
        epoch: Callable[[], str] = lambda: "",
        give_up_s: float = GIVE_UP_S,
    ) -> None:
        self._database_url = database_url
        self._epoch = epoch
        self._give_up_s = give_up_s
        self._on_connected = on_connected
        self._connection: asyncpg.Connection[Any] | None = None
        self.waiting: list[_Waiting] = []
        self.in_flight = 0
        self._arrived = asyncio.Event()

    async def append(self, item: Append) -> bool:
        """Whether ``item`` was written; False: load the head again, then decide again.

        Raises StoreUnavailable when the database cannot be reached (the append may still have happened: the key
        tells), and asyncpg.PostgresError when this very append cannot be stored.
        """
        waiting = _Waiting(item, asyncio.get_running_loop().create_future())
        self.waiting.append(waiting)
        self._arrived.set()
        return await asyncio.shield(waiting.written)

    async def run(self) -> None:
        """Write batches until cancelled. Whoever still waits then is told that the outcome is unknown."""
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while batch := self._next_batch():
                    self.in_flight = len(batch)
                    await self._write(batch)
                    self.in_flight = 0
        finally:
            for waiting in self.waiting:
                _fail(waiting, StoreUnavailable())
            if self._connection is not None:
                self._connection.terminate()

    def _next_batch(self) -> list[_Waiting]:
        batch: dict[UUID, _Waiting] = {}
        left: list[_Waiting] = []
        for waiting in self.waiting:
            session_id = waiting.item.after.session_id
            if session_id in batch or len(batch) == MAX_BATCH:
                left.append(waiting)
            else:
                batch[session_id] = waiting
        self.waiting = left
        return list(batch.values())

    async def _write(self, batch: list[_Waiting]) -> None:
        deadline = time.perf_counter() + self._give_up_s
        try:
            written = await self._write_until(batch, deadline)
        except (asyncpg.PostgresError, ValueError) as error:
            if len(batch) == 1:
                _fail(batch[0], error)
                return
            for waiting in batch:
                await self._write([waiting])
            return
        except StoreUnavailable as error:
            for waiting in batch:
                _fail(waiting, error)
            return
        except BaseException:
            for waiting in batch:
                _fail(waiting, StoreUnavailable())
            raise
        now = time.perf_counter()
        BATCH_SIZE.observe(len(written))
        for waiting in batch:
            APPEND_SECONDS.observe(now - waiting.since)
            if not waiting.written.done():
                waiting.written.set_result(waiting.item.after.session_id in written)

    async def _write_until(self, batch: list[_Waiting], deadline: float) -> set[UUID]:
        """Write the batch, over as many connections as it takes until ``deadline``. Raises StoreUnavailable."""
        while True:
            try:
                connection = await self._connected(deadline)
                # After a failover the same number may belong to another event: decide again on what is there now.
                items = [waiting.item for waiting in batch if waiting.item.epoch == self._epoch()]
                return await append(connection, items) if items else set()
            except Exception as error:
                if not looks_unavailable(error):
                    raise
                self._drop_connection()
                if time.perf_counter() >= deadline:
                    raise StoreUnavailable from error
                await asyncio.sleep(0.05)

    async def _connected(self, deadline: float) -> asyncpg.Connection[Any]:
        if self._connection is None or self._connection.is_closed():
            async with asyncio.timeout(max(0.1, deadline - time.perf_counter())):
                connection = await asyncpg.connect(
                    self._database_url,
                    # Planning the long statement anew would cost more than running it.
                    server_settings={
                        "application_name": "store",
                        "plan_cache_mode": "force_generic_plan",
                        "jit": "off",
                        "enable_seqscan": "off",
                    },
                    command_timeout=self._give_up_s,
                )
            self._connection = connection
            if self._on_connected is not None:
                await self._on_connected(connection)
        return self._connection

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.written.done():
        waiting.written.set_exception(error)
