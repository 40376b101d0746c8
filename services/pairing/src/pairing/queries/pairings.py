"""Pairings, places and former codes.

The status of a session changes by exactly one conditional UPDATE, on (session, generation): ``match``, ``replace``,
``cancel``, ``expire`` and, in ``guards``, ``withdraw_exhausted``. Whoever gets the row back has won; everyone else has
changed nothing. The clock is the caller's, never the database's, so that every edge is at the same instant everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Result, Row, Select, case, delete, func, literal, select, union_all, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import col

from pairing.domain import WRONG_TRIES_PER_CODE, End, Offer, Pairing, Place, Status, Tombstone
from pairing.tables import CredentialGenerationRow, FormerCodeRow, PairingRow, PlaceRow

_END: dict[str | None, End | None] = {None: None, "closed": "closed", "expired": "expired"}


@dataclass(frozen=True, slots=True)
class Matched:
    """The session whose second phone has just been found."""

    session_id: UUID
    table_id: UUID
    location_id: UUID
    credential_expires_at: datetime
    offered_at: datetime


@dataclass(frozen=True, slots=True)
class NewCode:
    """What a replaced code's row is told."""

    code_hash: str
    offered_at: datetime
    expires_at: datetime


async def know_place(session: AsyncSession, place: Place) -> None:
    """Remember the table. The row is only written when something is new: it is also the lock of its table."""
    if await find_place(session, place.table_token) == place:
        return
    values = {
        "table_token": place.table_token,
        "table_id": place.table_id,
        "location_id": place.location_id,
        "location_slug": place.location_slug,
        "timezone": place.timezone,
        "day_starts_at_hour": place.day_starts_at_hour,
    }
    await session.execute(
        insert(PlaceRow).values(values).on_conflict_do_update(index_elements=["table_token"], set_=values)
    )


async def find_place(session: AsyncSession, table_token: str) -> Place | None:
    """The table of this token, when it ever had a session."""
    return _place((await session.execute(_places(table_token))).one_or_none())


async def hold_place(session: AsyncSession, table_token: str) -> Place | None:
    """``find_place``, with everyone else kept from trying a code at this table until the transaction ends."""
    return _place((await session.execute(_places(table_token).with_for_update(key_share=True))).one_or_none())


async def find_pairing(session: AsyncSession, session_id: UUID) -> Pairing | Tombstone | None:
    """The session's row as it stands."""
    renewed = func.coalesce(col(CredentialGenerationRow.generation), 0)
    found = await session.execute(
        select(PairingRow, func.greatest(col(PairingRow.credential_generation), renewed))
        .outerjoin(
            CredentialGenerationRow, col(CredentialGenerationRow.participant_id) == col(PairingRow.participant_id)
        )
        .where(col(PairingRow.session_id) == session_id)
        # What another statement of this transaction changed is read again.
        .execution_options(populate_existing=True)
    )
    pair = found.one_or_none()
    if pair is None:
        return None
    row, newest_credential = pair
    ended = _END[row.ended]
    if (
        row.mode is None
        or row.table_token is None
        or row.table_id is None
        or row.location_id is None
        or row.participant_id is None
        or row.credential_expires_at is None
    ):
        return None if ended is None else Tombstone(ended)
    return Pairing(
        session_id=row.session_id,
        mode=row.mode,
        table_token=row.table_token,
        table_id=row.table_id,
        location_id=row.location_id,
        participant_id=row.participant_id,
        credential_generation=newest_credential,
        credential_expires_at=row.credential_expires_at,
        status=Status(row.status),
        generation=row.generation,
        code_hash=row.code_hash,
        expires_at=row.expires_at,
        wrong_tries=row.wrong_tries,
        partner_id=row.partner_id,
        partner_away=row.partner_away,
        ended=ended,
    )


async def offers_with(session: AsyncSession, table_id: UUID, code_hashes: Sequence[str]) -> list[Offer]:
    """Codes of this table, present and former, that have one of these hashes."""
    present = select(
        col(PairingRow.session_id),
        col(PairingRow.generation),
        col(PairingRow.status),
        col(PairingRow.expires_at),
        col(PairingRow.wrong_tries),
        col(PairingRow.ended),
        literal(False).label("former"),
    ).where(col(PairingRow.table_id) == table_id, col(PairingRow.code_hash).in_(code_hashes))
    former = (
        select(
            col(FormerCodeRow.session_id),
            col(FormerCodeRow.generation),
            col(FormerCodeRow.status),
            col(FormerCodeRow.expires_at),
            literal(0),
            col(PairingRow.ended),
            literal(True),
        )
        .join(PairingRow, col(PairingRow.session_id) == col(FormerCodeRow.session_id))
        .where(col(FormerCodeRow.table_id) == table_id, col(FormerCodeRow.code_hash).in_(code_hashes))
    )
    found: Result[Any] = await session.execute(union_all(present, former))
    return [Offer(row[0], row[1], Status(row[2]), row[3], row[4], _END[row[5]], row[6]) for row in found]


async def former_codes_of(session: AsyncSession, session_id: UUID) -> list[tuple[Offer, str]]:
    """The codes of the session's earlier generations, each with its hash."""
    found = await session.execute(
        select(
            col(FormerCodeRow.generation),
            col(FormerCodeRow.status),
            col(FormerCodeRow.expires_at),
            col(FormerCodeRow.code_hash),
            col(PairingRow.ended),
        )
        .join(PairingRow, col(PairingRow.session_id) == col(FormerCodeRow.session_id))
        .where(col(FormerCodeRow.session_id) == session_id)
    )
    return [(Offer(session_id, row[0], Status(row[1]), row[2], 0, _END[row[4]], True), row[3]) for row in found]


async def match(
    session: AsyncSession, session_id: UUID, generation: int, partner_id: UUID, now: datetime
) -> Matched | None:
    """waiting → paired, once. None when this generation is not open any more."""
    row = (
        await session.execute(
            update(PairingRow)
            .where(
                *_present(session_id, generation),
                col(PairingRow.status) == Status.WAITING.value,
                col(PairingRow.expires_at) > now,
                col(PairingRow.wrong_tries) < WRONG_TRIES_PER_CODE,
            )
            .values(
                status=Status.PAIRED.value,
                partner_id=partner_id,
                matched_at=now,
                partner_away=False,
                partner_left=False,
                partner_seen_at=None,
            )
            .returning(
                col(PairingRow.table_id),
                col(PairingRow.location_id),
                col(PairingRow.credential_expires_at),
                col(PairingRow.offered_at),
            )
            .execution_options(synchronize_session=False)
        )
    ).one_or_none()
    return None if row is None else Matched(session_id, row[0], row[1], row[2], row[3])


async def replace(session: AsyncSession, seen: Pairing, new: NewCode) -> bool:
    """Open the next generation. False when the row is no longer as it was seen."""
    changed = await session.execute(
        update(PairingRow)
        .where(
            *_present(seen.session_id, seen.generation),
            col(PairingRow.status) == seen.status.value,
            col(PairingRow.partner_away) == seen.partner_away,
        )
        .values(
            mode="dual",
            status=Status.WAITING.value,
            generation=seen.generation + 1,
            code_hash=new.code_hash,
            offered_at=new.offered_at,
            expires_at=new.expires_at,
            wrong_tries=0,
            partner_id=None,
            matched_at=None,
            partner_away=False,
            partner_left=False,
            partner_seen_at=None,
        )
        .returning(col(PairingRow.generation))
        .execution_options(synchronize_session=False)
    )
    if changed.one_or_none() is None:
        return False
    if seen.code_hash is not None and seen.expires_at is not None:
        # Still waiting means that it was replaced before its time: for who types it, it has expired.
        status = Status.EXPIRED if seen.status is Status.WAITING else seen.status
        await session.execute(
            insert(FormerCodeRow)
            .values(
                session_id=seen.session_id,
                generation=seen.generation,
                table_id=seen.table_id,
                code_hash=seen.code_hash,
                status=status.value,
                expires_at=seen.expires_at,
            )
            .on_conflict_do_nothing()
        )
    return True


async def cancel(session: AsyncSession, session_id: UUID, generation: int) -> bool:
    """waiting, expired or withdrawn → cancelled: A goes on alone. False when there is nothing to cancel any more."""
    waited = (Status.WAITING.value, Status.EXPIRED.value, Status.WITHDRAWN.value)
    changed = await session.execute(
        update(PairingRow)
        .where(*_present(session_id, generation), col(PairingRow.status).in_(waited))
        .values(status=Status.CANCELLED.value, mode="single")
        .returning(col(PairingRow.generation))
        .execution_options(synchronize_session=False)
    )
    return changed.one_or_none() is not None


async def expire(session: AsyncSession, session_id: UUID, generation: int, now: datetime) -> bool:
    """waiting → expired, when it is due by our own clock."""
    changed = await session.execute(
        update(PairingRow)
        .where(
            *_present(session_id, generation),
            col(PairingRow.status) == Status.WAITING.value,
            col(PairingRow.expires_at) <= now,
        )
        .values(status=Status.EXPIRED.value)
        .returning(col(PairingRow.generation))
        .execution_options(synchronize_session=False)
    )
    return changed.one_or_none() is not None


async def begin(session: AsyncSession, row: PairingRow) -> None:
    """Take in a new session. One that is known stays as it is; one of which only the end is known stays ended."""
    told = row.model_dump(exclude={"ended", "ended_at"})
    await session.execute(
        insert(PairingRow)
        .values(told)
        .on_conflict_do_update(
            index_elements=["session_id"],
            set_={name: value for name, value in told.items() if name != "session_id"},
            where=col(PairingRow.status) == Status.UNKNOWN.value,
        )
    )


async def end(session: AsyncSession, session_id: UUID, ended: End, at: datetime) -> None:
    """Leave a tombstone, whether or not the session is known. The first end stands."""
    await session.execute(
        insert(PairingRow)
        .values(session_id=session_id, status=Status.UNKNOWN.value, ended=ended, ended_at=at)
        .on_conflict_do_update(
            index_elements=["session_id"],
            set_={"ended": ended, "ended_at": at},
            where=col(PairingRow.ended).is_(None),
        )
    )


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


async def note_partner_left(session: AsyncSession, session_id: UUID, partner_id: UUID) -> None:
    """The present partner is off the roster for good."""
    await session.execute(
        update(PairingRow)
        .where(col(PairingRow.session_id) == session_id, col(PairingRow.partner_id) == partner_id)
        .values(partner_away=True, partner_left=True)
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


def _places(table_token: str) -> Select[tuple[str, UUID, UUID, str | None, str, int]]:
    return select(
        col(PlaceRow.table_token),
        col(PlaceRow.table_id),
        col(PlaceRow.location_id),
        col(PlaceRow.location_slug),
        col(PlaceRow.timezone),
        col(PlaceRow.day_starts_at_hour),
    ).where(col(PlaceRow.table_token) == table_token)


def _place(row: Row[tuple[str, UUID, UUID, str | None, str, int]] | None) -> Place | None:
    return None if row is None else Place(*row)


def _present(session_id: UUID, generation: int) -> tuple[ColumnElement[bool], ...]:
    return (
        col(PairingRow.session_id) == session_id,
        col(PairingRow.generation) == generation,
        col(PairingRow.ended).is_(None),
    )
