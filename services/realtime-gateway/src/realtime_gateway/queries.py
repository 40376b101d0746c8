"""Every query of the gateway, by name. Each runs in the caller's transaction; times are the database's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from twotop_common.credentials import ParticipantClaims
from twotop_common.messaging.outbox import OutboxRecord

_REGISTER = text(
    """
    INSERT INTO registrations (session_id, participant_id, role, generation, seq)
    VALUES (:session_id, :participant_id, :role, :generation, :seq)
    ON CONFLICT (session_id, participant_id) DO UPDATE SET
        role = coalesce(registrations.role, excluded.role),
        generation = greatest(registrations.generation, excluded.generation),
        seq = greatest(registrations.seq, excluded.seq)
    """
)
_LEAVE = text(
    """
    INSERT INTO registrations (session_id, participant_id, role, has_left, seq)
    VALUES (:session_id, :participant_id, :role, true, :seq)
    ON CONFLICT (session_id, participant_id) DO UPDATE SET
        has_left = true, instance_id = NULL, seq = greatest(registrations.seq, excluded.seq)
    """
)
_END = text(
    """
    INSERT INTO ended_sessions (session_id, seq, ended_at) VALUES (:session_id, :seq, :ended_at)
    ON CONFLICT (session_id) DO UPDATE SET seq = greatest(ended_sessions.seq, excluded.seq)
    """
)
_RELEASE_SESSION = text(
    "UPDATE registrations SET instance_id = NULL WHERE session_id = :session_id AND instance_id IS NOT NULL"
)
_ROSTER = text(
    """
    SELECT participant_id, generation, has_left FROM registrations WHERE session_id = :session_id
    UNION ALL
    SELECT NULL, 0, true FROM ended_sessions WHERE session_id = :session_id
    """
)
_CLAIM_CONNECTION = text(
    """
    WITH claimed AS (
        INSERT INTO registrations (session_id, participant_id, role, generation, connection, instance_id, last_seen_at)
        VALUES (:session_id, :participant_id, :role, :generation, 1, :instance_id, now())
        ON CONFLICT (session_id, participant_id) DO UPDATE SET
            role = coalesce(registrations.role, excluded.role),
            generation = greatest(registrations.generation, excluded.generation),
            connection = registrations.connection + 1,
            instance_id = excluded.instance_id,
            last_seen_at = excluded.last_seen_at
        RETURNING connection
    ), told AS (
        INSERT INTO outbox (message_id, type, body, headers)
        VALUES (:message_id, :message_type, :body, CAST(:headers AS jsonb))
    )
    SELECT connection FROM claimed
    """
)
_MARK_GONE = text(
    """
    UPDATE registrations SET instance_id = NULL, last_seen_at = now()
    FROM unnest(
        CAST(:session_ids AS uuid[]), CAST(:participant_ids AS uuid[]), CAST(:connections AS bigint[])
    ) AS away (session_id, participant_id, connection)
    WHERE registrations.session_id = away.session_id
      AND registrations.participant_id = away.participant_id
      AND registrations.connection = away.connection
      AND registrations.instance_id = :instance_id
      AND NOT has_left
      AND NOT EXISTS (SELECT 1 FROM ended_sessions WHERE ended_sessions.session_id = registrations.session_id)
    RETURNING registrations.session_id, registrations.participant_id, role, registrations.connection
    """
)
_REPLACED = text(
    """
    SELECT registrations.session_id, registrations.participant_id, registrations.connection
    FROM registrations
    JOIN unnest(
        CAST(:session_ids AS uuid[]), CAST(:participant_ids AS uuid[]), CAST(:connections AS bigint[])
    ) AS held (session_id, participant_id, connection)
      ON registrations.session_id = held.session_id AND registrations.participant_id = held.participant_id
    WHERE registrations.connection > held.connection
    """
)
_BEAT = text(
    """
    INSERT INTO instances (instance_id, name, heartbeat_at) VALUES (:instance_id, :name, now())
    ON CONFLICT (instance_id) DO UPDATE SET heartbeat_at = now()
    RETURNING (xmax = 0) AS inserted
    """
)
_TAKE_DEAD_INSTANCES = text(
    """
    DELETE FROM instances
    WHERE heartbeat_at < now() - make_interval(secs => :silence_s) AND instance_id <> :instance_id
    RETURNING instance_id
    """
)
_RELEASE_PARTICIPANTS = text(
    """
    UPDATE registrations SET instance_id = NULL
    WHERE instance_id = ANY(CAST(:instance_ids AS uuid[]))
    RETURNING session_id, participant_id, role, connection,
        NOT has_left AND NOT EXISTS (
            SELECT 1 FROM ended_sessions WHERE ended_sessions.session_id = registrations.session_id
        ) AS missed
    """
)


class RegisteredParticipant(NamedTuple):
    """A line of a session's roster."""

    participant_id: UUID
    generation: int
    has_left: bool


class HeldSocket(NamedTuple):
    """One socket, by its place in the order of the participant's sockets."""

    session_id: UUID
    participant_id: UUID
    connection: int


class GoneParticipant(NamedTuple):
    """A participant without any socket."""

    session_id: UUID
    participant_id: UUID
    role: str | None
    connection: int


async def register(
    session: AsyncSession, session_id: UUID, participant_id: UUID, *, role: str | None, generation: int, seq: int
) -> None:
    """Admitted or renewed."""
    await session.execute(
        _REGISTER,
        {
            "session_id": session_id,
            "participant_id": participant_id,
            "role": role,
            "generation": generation,
            "seq": seq,
        },
    )


async def leave(session: AsyncSession, session_id: UUID, participant_id: UUID, *, role: str, seq: int) -> None:
    """Off the roster for good."""
    await session.execute(
        _LEAVE, {"session_id": session_id, "participant_id": participant_id, "role": role, "seq": seq}
    )


async def end_session(session: AsyncSession, session_id: UUID, *, seq: int, ended_at: datetime) -> None:
    """Leave a tombstone; nobody of an ended session goes missing."""
    await session.execute(_END, {"session_id": session_id, "seq": seq, "ended_at": ended_at})
    await session.execute(_RELEASE_SESSION, {"session_id": session_id})


async def roster(session: AsyncSession, session_id: UUID) -> tuple[list[RegisteredParticipant], bool]:
    """The registered participants of a session, and whether it has ended."""
    rows = (await session.execute(_ROSTER, {"session_id": session_id})).all()
    registered = [RegisteredParticipant(*row) for row in rows if row.participant_id is not None]
    return registered, len(registered) < len(rows)


async def claim_connection(
    session: AsyncSession, claims: ParticipantClaims, instance_id: UUID, connected: OutboxRecord
) -> int:
    """The next connection number of this participant, over all instances: the newest socket is the one that counts.

    One statement, with the fact that the socket opened, because every phone waits for it.
    """
    row = await session.execute(
        _CLAIM_CONNECTION,
        {
            "session_id": claims.session_id,
            "participant_id": claims.participant_id,
            "role": claims.role,
            "generation": claims.generation,
            "instance_id": instance_id,
            "message_id": connected.message_id,
            "message_type": connected.type,
            "body": connected.body,
            "headers": connected.headers,
        },
    )
    return int(row.scalar_one())


async def mark_gone(session: AsyncSession, away: Sequence[HeldSocket], instance_id: UUID) -> list[GoneParticipant]:
    """Those of ``away`` that have opened no newer socket anywhere are gone from now on."""
    rows = await session.execute(_MARK_GONE, {**_columns(away), "instance_id": instance_id})
    return [GoneParticipant(*row) for row in rows]


async def replaced(session: AsyncSession, held: Sequence[HeldSocket]) -> list[HeldSocket]:
    """Those of ``held`` whose participant has a newer socket, with the newer number."""
    return [HeldSocket(*row) for row in await session.execute(_REPLACED, _columns(held))]


async def beat(session: AsyncSession, instance_id: UUID, name: str) -> bool:
    """Say that this instance is alive. True when nobody knew it: it is new, or was declared dead."""
    row = await session.execute(_BEAT, {"instance_id": instance_id, "name": name})
    return bool(row.scalar_one())


async def take_dead_instances(session: AsyncSession, instance_id: UUID, silence_s: float) -> list[GoneParticipant]:
    """Remove instances that have been silent too long; their participants that are missed now. One caller gets them."""
    dead = await session.execute(_TAKE_DEAD_INSTANCES, {"instance_id": instance_id, "silence_s": silence_s})
    instance_ids = list(dead.scalars())
    if not instance_ids:
        return []
    rows = await session.execute(_RELEASE_PARTICIPANTS, {"instance_ids": instance_ids})
    return [GoneParticipant(*row[:4]) for row in rows if row.missed]


def _columns(sockets: Sequence[HeldSocket]) -> dict[str, list[UUID] | list[int]]:
    return {
        "session_ids": [one.session_id for one in sockets],
        "participant_ids": [one.participant_id for one in sockets],
        "connections": [one.connection for one in sockets],
    }
