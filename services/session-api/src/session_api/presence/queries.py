"""Every query about phones being there, by name. Times only move forward, so facts may come late or twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from session_api.presence.domain import GONE_LIES_BACK, Sighting

Pool: TypeAlias = "asyncpg.Pool[Any]"
Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"
Phone = tuple[UUID, UUID]
"""A session and a participant."""

_SIGHT = """
INSERT INTO sightings (session_id, participant_id, {column})
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[])
ON CONFLICT (session_id, participant_id)
DO UPDATE SET {column} = greatest(sightings.{column}, excluded.{column})
RETURNING session_id, participant_id, connected_at, gone_at, polled_at, xmax = 0 AS is_new
"""
_CONNECTED, _GONE, _POLLED = (_SIGHT.format(column=column) for column in ("connected_at", "gone_at", "polled_at"))


async def note_connected(pool: Pool, session_id: UUID, participant_id: UUID, at: datetime) -> None:
    """A socket opened."""
    await pool.execute(_CONNECTED, [session_id], [participant_id], [at])


async def note_gone(pool: Pool, session_id: UUID, participant_id: UUID, at: datetime) -> Sighting:
    """No socket has been open for 20 s. What is known of the phone by now."""
    (row,) = await pool.fetch(_GONE, [session_id], [participant_id], [at])
    return _sighting(row)


async def note_polled(connection: Connection, polled: Mapping[Phone, datetime]) -> dict[Phone, Sighting]:
    """Requests came, and when; with or without a socket. What is known by now of the phones that were known before."""
    sessions, participants = zip(*polled, strict=True)
    rows = await connection.fetch(_POLLED, list(sessions), list(participants), list(polled.values()))
    return {(row["session_id"], row["participant_id"]): _sighting(row) for row in rows if not row["is_new"]}


async def sightings_in(pool: Pool, session_ids: Iterable[UUID]) -> dict[UUID, list[Sighting]]:
    """What is known of the phones of these sessions."""
    rows = await pool.fetch(
        "SELECT session_id, participant_id, connected_at, gone_at, polled_at FROM sightings"
        " WHERE session_id = ANY($1::uuid[])",
        list(session_ids),
    )
    found: defaultdict[UUID, list[Sighting]] = defaultdict(list)
    for row in rows:
        found[row["session_id"]].append(_sighting(row))
    return found


async def wishes_to_release(pool: Pool, unheard_since: datetime) -> set[UUID]:
    """Sessions in which one phone that is there waits for another that is absent or was never heard of.

    The rules decide; this only leaves out where nothing can be released now. How long one that was never heard of has
    had its place is in the log: nobody looks at its session for longer than 30 s in vain.
    """
    # The LATERAL is ``Sighting.absent``.
    rows = await pool.fetch(
        """
        SELECT head.session_id
        FROM session_heads AS head
        JOIN sightings AS phone USING (session_id)
        CROSS JOIN LATERAL (
            SELECT coalesce(phone.gone_at >= phone.connected_at, phone.connected_at IS NULL)
                AND (phone.polled_at IS NULL OR phone.polled_at <= greatest($1, phone.gone_at - $2::interval)) AS absent
        ) AS seen
        WHERE head.ended_at IS NULL AND head.awaited IS NOT NULL
        GROUP BY head.session_id
        HAVING bool_or(NOT seen.absent) AND (
            bool_or(seen.absent AND phone.participant_id = ANY(head.awaited))
            OR NOT head.awaited <@ array_agg(phone.participant_id)
        )
        """,
        unheard_since,
        GONE_LIES_BACK,
    )
    return {row["session_id"] for row in rows}


def _sighting(row: Mapping[str, Any]) -> Sighting:
    return Sighting(row["participant_id"], row["connected_at"], row["gone_at"], row["polled_at"])


async def forget(pool: Pool, before: datetime) -> None:
    """Remove what nobody asks about any more."""
    await pool.execute(
        "DELETE FROM sightings WHERE coalesce(greatest(connected_at, gone_at, polled_at), '-infinity') < $1", before
    )
