"""Every query about phones being there, by name. Times only move forward, so facts may come late or twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from session_api.presence.domain import Sighting

Pool: TypeAlias = "asyncpg.Pool[Any]"

_SIGHT = """
INSERT INTO sightings (session_id, participant_id, {column})
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[])
ON CONFLICT (session_id, participant_id)
DO UPDATE SET {column} = greatest(sightings.{column}, excluded.{column})
"""
_CONNECTED, _GONE, _POLLED = (_SIGHT.format(column=column) for column in ("connected_at", "gone_at", "polled_at"))
_WAITING = """
INSERT INTO waiting_wishes (session_id, since) SELECT * FROM unnest($1::uuid[], $2::timestamptz[])
ON CONFLICT (session_id) DO NOTHING
"""


async def note_connected(pool: Pool, session_id: UUID, participant_id: UUID, at: datetime) -> None:
    """A socket opened."""
    await pool.execute(_CONNECTED, [session_id], [participant_id], [at])


async def note_gone(pool: Pool, session_id: UUID, participant_id: UUID, at: datetime) -> None:
    """No socket has been open for 20 s."""
    await pool.execute(_GONE, [session_id], [participant_id], [at])


async def note_polled(pool: Pool, polled: Mapping[tuple[UUID, UUID], datetime]) -> None:
    """Requests came without a socket: (session, participant) -> when."""
    sessions, participants = zip(*polled, strict=True)
    await pool.execute(_POLLED, list(sessions), list(participants), list(polled.values()))


async def sightings_in(pool: Pool, session_id: UUID) -> list[Sighting]:
    """What is known of a session's phones."""
    rows = await pool.fetch(
        "SELECT participant_id, connected_at, gone_at, polled_at FROM sightings WHERE session_id = $1", session_id
    )
    return [Sighting(**row) for row in rows]


async def note_wishes(pool: Pool, waiting: Mapping[UUID, datetime], settled: Sequence[UUID]) -> None:
    """Sessions in which a wish waits since then, and those in which none does any more."""
    if settled:
        await pool.execute("DELETE FROM waiting_wishes WHERE session_id = ANY($1::uuid[])", list(settled))
    if waiting:
        await pool.execute(_WAITING, list(waiting), list(waiting.values()))


async def wishes_to_release(pool: Pool, unheard_since: datetime) -> dict[UUID, datetime]:
    """Sessions in which one phone waits for another that may be absent, with the time since when it waits.

    ``Sighting.absent`` decides; this only leaves out where nobody can be.
    """
    rows = await pool.fetch(
        """
        SELECT session_id, since FROM waiting_wishes AS wish
        WHERE EXISTS (
            SELECT FROM sightings AS phone WHERE phone.session_id = wish.session_id
            AND (phone.polled_at IS NULL OR phone.polled_at <= $1)
            AND (phone.connected_at IS NULL OR phone.gone_at >= phone.connected_at)
        ) OR since <= $1 AND (SELECT count(*) FROM sightings AS phone WHERE phone.session_id = wish.session_id) < 2
        """,
        unheard_since,
    )
    return {row["session_id"]: row["since"] for row in rows}


async def forget(pool: Pool, before: datetime) -> None:
    """Remove what nobody asks about any more."""
    await pool.execute(
        "DELETE FROM sightings WHERE coalesce(greatest(connected_at, gone_at, polled_at), '-infinity') < $1", before
    )
    await pool.execute("DELETE FROM waiting_wishes WHERE since < $1", before)
