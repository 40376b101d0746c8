"""Every reading of the session tables, by name. Plain asyncpg: these are on the path of each request."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from session_api.sessions.domain.decider import fold
from session_api.sessions.domain.events import Recorded, from_json
from session_api.sessions.domain.state import STATE_CODE_VERSION, SessionState, from_document

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy


@dataclass(frozen=True, slots=True)
class Head:
    """A session's state after its last event, and its last activity; ``epoch`` names the history it was read from."""

    state: SessionState
    active_at: datetime
    epoch: str = ""


@dataclass(frozen=True, slots=True)
class Creation:
    """What an idempotency key of ``POST /sessions`` was used for."""

    body_hash: bytes
    session_id: UUID
    code_key_id: str | None


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """What a key was used for. ``first_seq`` is None for a command that changed nothing."""

    body_hash: bytes
    first_seq: int | None
    last_seq: int


async def epoch(connection: Connection) -> str:
    """Names this database's history: it changes when the database is restored or another takes its place."""
    # The control file learns of a promotion only with the next checkpoint; what is written now is named after its own
    # timeline. A server in recovery writes nothing, so there the control file has to do.
    identity = await connection.fetchval(
        """
        SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
                              CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())
                                   ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END,
                              (SELECT oid FROM pg_database WHERE datname = current_database()))
        """
    )
    return hashlib.sha256(str(identity).encode()).hexdigest()[:16]


async def find_head(connection: Connection, session_id: UUID) -> Head | None:
    """The head, folded anew from the log when other rules wrote it."""
    row = await connection.fetchrow(
        "SELECT document::text, code_version, active_at FROM session_heads WHERE session_id = $1", session_id
    )
    return None if row is None else await _head_of(connection, session_id, row)


async def find_head_and_command(
    connection: Connection, session_id: UUID, actor: str, key: str
) -> tuple[Head | None, CommandRecord | None]:
    """The head, and what ``key`` of this actor was used for before, seen in one snapshot."""
    row = await connection.fetchrow(
        """
        SELECT h.document::text, h.code_version, h.active_at, c.body_hash, c.first_seq, c.last_seq AS command_last_seq
        FROM session_heads AS h
        LEFT JOIN session_commands AS c ON c.session_id = h.session_id AND c.actor = $2 AND c.key = $3
        WHERE h.session_id = $1
        """,
        session_id,
        actor,
        key,
    )
    if row is None:
        return None, None
    command = None
    if row["body_hash"] is not None:
        command = CommandRecord(row["body_hash"], row["first_seq"], row["command_last_seq"])
    return await _head_of(connection, session_id, row), command


async def find_command_key(connection: Connection, session_id: UUID, actor: str, keys: Sequence[str]) -> str | None:
    """Which of ``keys`` this actor has used before."""
    key: str | None = await connection.fetchval(
        "SELECT key FROM session_commands WHERE session_id = $1 AND actor = $2 AND key = ANY($3::text[]) LIMIT 1",
        session_id,
        actor,
        list(keys),
    )
    return key


async def _head_of(connection: Connection, session_id: UUID, row: asyncpg.Record) -> Head:
    if row["code_version"] == STATE_CODE_VERSION:
        return Head(from_document(row["document"]), row["active_at"])
    return Head(fold(await events_after(connection, session_id, 0, limit=None)), row["active_at"])


async def events_after(connection: Connection, session_id: UUID, cursor: int, *, limit: int | None) -> list[Recorded]:
    """Up to ``limit`` events with ``seq > cursor``, in order."""
    rows = await connection.fetch(
        """
        SELECT seq, type, version, data::text, at, by, command_id FROM session_events
        WHERE session_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
        """,
        session_id,
        cursor,
        limit,
    )
    return [_recorded(row) for row in rows]


async def events_between(connection: Connection, session_id: UUID, first_seq: int, last_seq: int) -> list[Recorded]:
    """The events of one command."""
    return await events_after(connection, session_id, first_seq - 1, limit=last_seq - first_seq + 1)


def _recorded(row: asyncpg.Record) -> Recorded:
    event = from_json(row["type"], row["version"], row["data"])
    return Recorded(row["seq"], event, row["at"], row["by"], row["command_id"])


async def last_seqs(connection: Connection, session_ids: Sequence[UUID]) -> dict[UUID, int]:
    """The last number of each session that exists."""
    rows = await connection.fetch(
        "SELECT session_id, last_seq FROM session_heads WHERE session_id = ANY($1::uuid[])", list(session_ids)
    )
    return {row["session_id"]: row["last_seq"] for row in rows}


async def limit_lock_waits(connection: Connection, seconds: float) -> None:
    """From here to the end of the transaction, waiting longer for a lock raises LockNotAvailableError."""
    await connection.execute("SELECT set_config('lock_timeout', $1, true)", f"{round(seconds * 1000)}ms")


async def lock_table(connection: Connection, table_id: UUID) -> None:
    """Hold the table's row: the lock under which its live sessions are counted."""
    await connection.execute("SELECT 1 FROM tables WHERE id = $1 FOR NO KEY UPDATE", table_id)


async def live_sessions_at(connection: Connection, table_id: UUID, now: datetime) -> int:
    """How many sessions live at a table: neither ended nor past their limit."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM session_heads WHERE table_id = $1 AND ended_at IS NULL AND due_at > $2", table_id, now
    )
    return count


async def touch(
    connection: Connection, session_id: UUID, *, last_seq: int, active_at: datetime, due_at: datetime
) -> bool:
    """Record activity that is no event. False when the session moved on meanwhile."""
    status: str = await connection.execute(
        """
        UPDATE session_heads SET active_at = greatest(active_at, $3), due_at = $4
        WHERE session_id = $1 AND last_seq = $2 AND ended_at IS NULL
        """,
        session_id,
        last_seq,
        active_at,
        due_at,
    )
    return status == "UPDATE 1"


async def is_token_of(pool: asyncpg.Pool[Any], table_token: str, table_id: UUID) -> bool:
    """Whether a printed token names this table."""
    found = await pool.fetchval("SELECT 1 FROM tables WHERE token = $1 AND id = $2", table_token, table_id)
    return found is not None


async def claim_creation(
    connection: Connection, key_hash: str, creation: Creation, *, now: datetime, expires_at: datetime
) -> bool:
    """Whether this request is the first with its key; a simultaneous one is waited for."""
    claimed = await connection.fetchval(
        """
        INSERT INTO creations (key_hash, body_hash, session_id, code_key_id, expires_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (key_hash) DO UPDATE
        SET body_hash = excluded.body_hash, session_id = excluded.session_id, code_key_id = excluded.code_key_id,
            expires_at = excluded.expires_at
        WHERE creations.expires_at <= $6
        RETURNING 1
        """,
        key_hash,
        creation.body_hash,
        creation.session_id,
        creation.code_key_id,
        expires_at,
        now,
    )
    return claimed is not None


async def find_creation(connection: Connection, key_hashes: Sequence[str], now: datetime) -> Creation | None:
    """What a key was used for, whichever key of the ring hashed it."""
    row = await connection.fetchrow(
        """
        SELECT body_hash, session_id, code_key_id FROM creations
        WHERE key_hash = ANY($1::text[]) AND expires_at > $2 ORDER BY expires_at LIMIT 1
        """,
        list(key_hashes),
        now,
    )
    return None if row is None else Creation(row["body_hash"], row["session_id"], row["code_key_id"])


async def forget_creations(pool: asyncpg.Pool[Any], now: datetime) -> None:
    """Drop the answers to idempotency keys whose time is over."""
    await pool.execute("DELETE FROM creations WHERE expires_at <= $1", now)


async def forget_renewals(pool: asyncpg.Pool[Any], until: datetime) -> None:
    """Drop the keys of credentials that were renewed up to ``until``; the renewals stay in the log."""
    # A phone may give any command a key that looks like a renewal's, hence the event.
    await pool.execute(
        """
        DELETE FROM session_commands AS c USING session_events AS e
        WHERE c.key LIKE 'renew:%' AND e.session_id = c.session_id AND e.seq = c.first_seq
          AND e.type = 'credential_renewed' AND e.at <= $1
        """,
        until,
    )
