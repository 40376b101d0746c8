"""What other services told of sessions, written down in whatever order it comes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import case, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from pairing.domain import End
from pairing.tables import CredentialGenerationRow, FormerCodeRow, PairingRow

_TOLD = {
    "session_id",
    "mode",
    "table_token",
    "table_id",
    "location_id",
    "participant_id",
    "credential_generation",
    "credential_expires_at",
    "code_life_s",
    "status",
    "generation",
    "code_hash",
    "offered_at",
    "expires_at",
}
_BEGIN = text("""
INSERT INTO pairings (session_id, mode, table_token, table_id, location_id, participant_id, credential_generation,
                      credential_expires_at, code_life_s, status, generation, code_hash, offered_at, expires_at)
VALUES (:session_id, :mode, :table_token, :table_id, :location_id, :participant_id, :credential_generation,
        :credential_expires_at, :code_life_s, :status, :generation, :code_hash, :offered_at, :expires_at)
ON CONFLICT (session_id) DO UPDATE
SET mode = excluded.mode, table_token = excluded.table_token, table_id = excluded.table_id,
    location_id = excluded.location_id, participant_id = excluded.participant_id,
    credential_generation = excluded.credential_generation, credential_expires_at = excluded.credential_expires_at,
    code_life_s = excluded.code_life_s, status = excluded.status, generation = excluded.generation,
    code_hash = excluded.code_hash, offered_at = excluded.offered_at, expires_at = excluded.expires_at
WHERE pairings.status = 'unknown'
""")
_END_SESSION = text("""
INSERT INTO pairings (session_id, status, ended, ended_at) VALUES (:session_id, 'unknown', :ended, :at)
ON CONFLICT (session_id) DO UPDATE SET ended = excluded.ended, ended_at = excluded.ended_at
WHERE pairings.ended IS NULL
""")


async def begin(session: AsyncSession, row: PairingRow) -> None:
    """Take in a new session. One that is known stays as it is; one of which only the end is known stays ended."""
    await session.execute(_BEGIN, row.model_dump(include=_TOLD))


async def end(session: AsyncSession, session_id: UUID, ended: End, at: datetime) -> None:
    """Leave a tombstone, whether or not the session is known. The first end stands."""
    await session.execute(_END_SESSION, {"session_id": session_id, "ended": ended, "at": at})


async def note_renewal(session: AsyncSession, session_id: UUID, participant_id: UUID, generation: int) -> None:
    """Remember the newest generation of a credential; it may come before the session itself."""
    await session.execute(
        insert(CredentialGenerationRow)
        .values(participant_id=participant_id, session_id=session_id, generation=generation)
        .on_conflict_do_update(
            index_elements=["participant_id"],
            set_={"generation": func.greatest(col(CredentialGenerationRow.generation), generation)},
        )
    )


async def note_partner(session: AsyncSession, session_id: UUID, partner_id: UUID, *, away: bool, at: datetime) -> None:
    """The present partner came or went; the newest news wins, and who has left stays away."""
    await session.execute(
        update(PairingRow)
        .where(
            col(PairingRow.session_id) == session_id,
            col(PairingRow.partner_id) == partner_id,
            col(PairingRow.partner_left).is_(False),
            func.coalesce(col(PairingRow.partner_seen_at) < at, True),
        )
        .values(partner_away=away, partner_seen_at=at)
        .execution_options(synchronize_session=False)
    )


async def note_partner_polled(session: AsyncSession, session_id: UUID, partner_id: UUID, at: datetime) -> None:
    """The present partner has asked for something without a socket; the newest request counts."""
    await session.execute(
        update(PairingRow)
        .where(
            col(PairingRow.session_id) == session_id,
            col(PairingRow.partner_id) == partner_id,
            col(PairingRow.partner_left).is_(False),
        )
        .values(partner_polled_at=func.greatest(col(PairingRow.partner_polled_at), at))
        .execution_options(synchronize_session=False)
    )


async def note_partner_left(session: AsyncSession, session_id: UUID, partner_id: UUID) -> None:
    """The present partner is off the roster for good."""
    await session.execute(
        update(PairingRow)
        .where(col(PairingRow.session_id) == session_id, col(PairingRow.partner_id) == partner_id)
        .values(partner_away=True, partner_left=True, partner_polled_at=None)
        .execution_options(synchronize_session=False)
    )


async def forget_sessions(session: AsyncSession, *, ended_before: datetime, outlived: datetime, limit: int) -> int:
    """Remove sessions that ended before, or whose credentials ran out before; with all that belongs to them."""
    old = (
        select(col(PairingRow.session_id))
        .where(
            case(
                (col(PairingRow.ended_at).is_not(None), col(PairingRow.ended_at) < ended_before),
                else_=col(PairingRow.credential_expires_at) < outlived,
            )
        )
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    gone = list(await session.scalars(old))
    if gone:
        for table, key in (
            (FormerCodeRow, col(FormerCodeRow.session_id)),
            (CredentialGenerationRow, col(CredentialGenerationRow.session_id)),
            (PairingRow, col(PairingRow.session_id)),
        ):
            await session.execute(delete(table).where(key.in_(gone)).execution_options(synchronize_session=False))
    return len(gone)
