"""Pairings, places and former codes.

The status of a session changes by exactly one conditional UPDATE, on (session, generation): ``match``, ``replace``,
``cancel``, ``expire`` and, in ``guards``, ``withdraw_exhausted``. Whoever gets the row back has won; everyone else has
changed nothing. The clock is the caller's, never the database's, so that every edge is at the same instant everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import col

from pairing.domain import (
    HEARD_OF_WITHIN,
    WRONG_TRIES_PER_CODE,
    End,
    Offer,
    Pairing,
    Partner,
    Place,
    Status,
    Tombstone,
    Tries,
)
from pairing.tables import CredentialGenerationRow, FormerCodeRow, PairingRow
from twotop_common.messaging.outbox import OutboxRecord

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


# Hand-written where every session and every join passes: one trip instead of several, and SQLAlchemy compiles an upsert
# anew every time it is executed.
_CODES_AND_TRIES = text("""
SELECT guard.wrong_tries AS wrong_today, guard.unsure_tries AS unsure_today, offer.*
FROM (SELECT 1) AS always
LEFT JOIN guards AS guard ON guard.table_token = :table_token AND guard.service_day = :day
LEFT JOIN (
    SELECT session_id, generation, status, expires_at, wrong_tries AS tries, ended, false AS former,
           matched_at, partner_away, partner_seen_at, partner_polled_at
    FROM pairings WHERE table_id = :table_id AND code_hash = ANY(:code_hashes)
    UNION ALL
    SELECT code.session_id, code.generation, code.status, code.expires_at, 0, owner.ended, true, NULL, NULL, NULL, NULL
    FROM former_codes AS code JOIN pairings AS owner USING (session_id)
    WHERE code.table_id = :table_id AND code.code_hash = ANY(:code_hashes)
) AS offer ON true
""")
_MATCH = text("""
WITH matched AS (
    UPDATE pairings
    SET status = 'paired', partner_id = :partner_id, matched_at = :now,
        partner_away = false, partner_left = false, partner_seen_at = NULL, partner_polled_at = NULL
    WHERE session_id = :session_id AND generation = :generation AND status = 'waiting'
      AND expires_at > :now AND wrong_tries < :tries AND ended IS NULL
      AND (matched_at IS NULL OR partner_away OR (partner_seen_at IS NULL AND matched_at <= :unheard_of_since))
      AND (partner_polled_at IS NULL OR partner_polled_at <= :unheard_of_since)
    RETURNING session_id, generation, partner_id, table_id, location_id, credential_expires_at, offered_at
), told AS (
    INSERT INTO outbox (message_id, type, body, headers)
    SELECT CAST(:message_id AS uuid), CAST(:type AS text), CAST(:body AS bytea), CAST(:headers AS jsonb) FROM matched
), answered AS (
    UPDATE answers
    SET state = 'matched', session_id = matched.session_id, participant_id = matched.partner_id,
        generation = matched.generation, answered_at = :now
    FROM matched WHERE key_hash = :key_hash
)
SELECT table_id, location_id, credential_expires_at, offered_at FROM matched
""")


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
        code_life=timedelta(seconds=row.code_life_s),
        wrong_tries=row.wrong_tries,
        partner=_partner(row),
        ended=ended,
    )


async def codes_and_tries(
    session: AsyncSession, place: Place, day: date, code_hashes: Sequence[str]
) -> tuple[list[Offer], Tries]:
    """Codes of this table, present and former, that have one of these hashes; and the day's counters, in one trip."""
    found = await session.execute(
        _CODES_AND_TRIES,
        {
            "table_id": place.table_id,
            "table_token": place.table_token,
            "day": day,
            "code_hashes": list(code_hashes),
        },
    )
    rows = found.all()
    offers = [
        Offer(
            row.session_id,
            row.generation,
            Status(row.status),
            row.expires_at,
            row.tries,
            _END[row.ended],
            row.former,
            _partner(row),
        )
        for row in rows
        if row.session_id is not None
    ]
    return offers, Tries(rows[0].wrong_today or 0, rows[0].unsure_today or 0)


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
    session: AsyncSession,
    offer: Offer,
    partner_id: UUID,
    now: datetime,
    *,
    message: OutboxRecord,
    key_hash: str | None,
) -> Matched | None:
    """waiting → paired, once, with its message and the key's answer; None when this generation is not open any more."""
    row = (
        await session.execute(
            _MATCH,
            {
                "session_id": offer.session_id,
                "generation": offer.generation,
                "partner_id": partner_id,
                "now": now,
                "tries": WRONG_TRIES_PER_CODE,
                "unheard_of_since": now - HEARD_OF_WITHIN,
                "key_hash": key_hash,
                **message._asdict(),
            },
        )
    ).one_or_none()
    return None if row is None else Matched(offer.session_id, row[0], row[1], row[2], row[3])


async def replace(session: AsyncSession, seen: Pairing, new: NewCode) -> bool:
    """Open the next generation. False when the row is no longer as it was seen.

    An absent B keeps its place until somebody takes it, so that news of it still counts.
    """
    changed = await session.execute(
        update(PairingRow)
        .where(*_as_seen(seen))
        .values(
            mode="dual",
            status=Status.WAITING.value,
            generation=seen.generation + 1,
            code_hash=new.code_hash,
            offered_at=new.offered_at,
            expires_at=new.expires_at,
            wrong_tries=0,
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


async def cancel(session: AsyncSession, seen: Pairing) -> bool:
    """Whatever it was → cancelled: A goes on alone, B has no place. False when the row is no longer as it was seen."""
    changed = await session.execute(
        update(PairingRow)
        .where(*_as_seen(seen))
        .values(
            status=Status.CANCELLED.value,
            mode="single",
            partner_id=None,
            matched_at=None,
            partner_away=False,
            partner_left=False,
            partner_seen_at=None,
            partner_polled_at=None,
        )
        .returning(col(PairingRow.generation))
        .execution_options(synchronize_session=False)
    )
    return changed.one_or_none() is not None


async def expire(session: AsyncSession, session_id: UUID, generation: int, *, due_by: datetime | None = None) -> bool:
    """waiting → expired, if it is due by then; without that, before its time."""
    changed = await session.execute(
        update(PairingRow)
        .where(
            *_present(session_id, generation),
            col(PairingRow.status) == Status.WAITING.value,
            *(() if due_by is None else (col(PairingRow.expires_at) <= due_by,)),
        )
        .values(status=Status.EXPIRED.value)
        .returning(col(PairingRow.generation))
        .execution_options(synchronize_session=False)
    )
    return changed.one_or_none() is not None


def _as_seen(seen: Pairing) -> tuple[ColumnElement[bool], ...]:
    """Neither the code nor what is known of the partner has changed since the decision."""
    partner = seen.partner
    return (
        *_present(seen.session_id, seen.generation),
        col(PairingRow.status) == seen.status.value,
        col(PairingRow.partner_away) == (partner is not None and partner.away),
        col(PairingRow.partner_seen_at).is_not_distinct_from(None if partner is None else partner.seen_at),
        col(PairingRow.partner_polled_at).is_not_distinct_from(None if partner is None else partner.polled_at),
    )


def _partner(row: Any) -> Partner | None:
    if row.matched_at is None:
        return None
    return Partner(row.matched_at, row.partner_away, row.partner_seen_at, row.partner_polled_at)


def _present(session_id: UUID, generation: int) -> tuple[ColumnElement[bool], ...]:
    return (
        col(PairingRow.session_id) == session_id,
        col(PairingRow.generation) == generation,
        col(PairingRow.ended).is_(None),
    )
