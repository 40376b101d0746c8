"""Counting wrong tries: against every live code of a table, and against the table's service day.

Call these with the table's place held (``places.hold_place``): then tries at one table come one after another, each
is counted before the next is looked at, and rows of several sessions are never taken in two orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import delete, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import col

from pairing.domain import WRONG_TRIES_PER_CODE, WRONG_TRIES_PER_DAY, Place, Status
from pairing.tables import GuardRow, PairingRow

Code = tuple[UUID, int]
"""Session and generation."""


_ADD = text("""
INSERT INTO guards (table_token, service_day, wrong_tries, unsure_tries)
VALUES (:table_token, :day, greatest(0, CAST(:wrong AS integer)), :unsure)
ON CONFLICT (table_token, service_day) DO UPDATE
SET wrong_tries = guards.wrong_tries + :wrong, unsure_tries = guards.unsure_tries + :unsure
""")
_COUNT_NOWHERE = text("""
INSERT INTO guards (table_token, service_day, wrong_tries) VALUES (:table_token, :day, 1)
ON CONFLICT (table_token, service_day) DO UPDATE SET wrong_tries = guards.wrong_tries + 1
WHERE guards.wrong_tries < :limit
RETURNING wrong_tries
""")


async def count_wrong(session: AsyncSession, place: Place, day: date, now: datetime) -> list[Code]:
    """Count one wrong try against the day and against every live code of the table. The codes it counts against."""
    await _add(session, place.table_token, day, wrong=1, unsure=0)
    return await count_against_codes(session, place.table_id, now, besides=())


async def count_nowhere(session: AsyncSession, table_token: str, day: date) -> bool:
    """Count one try at a table of which nothing is known. False when the day has had its share."""
    counted = await session.scalar(
        _COUNT_NOWHERE, {"table_token": table_token, "day": day, "limit": WRONG_TRIES_PER_DAY}
    )
    return counted is not None


async def count_against_codes(
    session: AsyncSession, table_id: UUID, now: datetime, *, besides: Sequence[Code]
) -> list[Code]:
    """Count one wrong try against every live code of the table but these. The codes it counts against."""
    counted = await session.execute(
        update(PairingRow)
        .where(
            col(PairingRow.table_id) == table_id,
            col(PairingRow.status) == Status.WAITING.value,
            col(PairingRow.expires_at) > now,
            col(PairingRow.ended).is_(None),
            *_none_of(besides),
        )
        .values(wrong_tries=col(PairingRow.wrong_tries) + 1)
        .returning(col(PairingRow.session_id), col(PairingRow.generation))
        .execution_options(synchronize_session=False)
    )
    return [(row[0], row[1]) for row in counted]


async def count_unsure(session: AsyncSession, place: Place, day: date) -> None:
    """Count one try of which nobody can say yet whether it is wrong; codes are not touched."""
    await _add(session, place.table_token, day, wrong=0, unsure=1)


async def take_back(session: AsyncSession, table_token: str, day: date, codes: Sequence[Code], *, unsure: bool) -> None:
    """A counted try was not wrong after all, or (``unsure``) nobody can say."""
    await _add(session, table_token, day, wrong=-1, unsure=1 if unsure else 0)
    if codes:
        await session.execute(
            update(PairingRow)
            .where(
                tuple_(col(PairingRow.session_id), col(PairingRow.generation)).in_(codes),
                col(PairingRow.status) == Status.WAITING.value,
            )
            .values(wrong_tries=col(PairingRow.wrong_tries) - 1)
            .execution_options(synchronize_session=False)
        )


async def withdraw_exhausted(session: AsyncSession, table_id: UUID | None = None) -> list[Code]:
    """waiting → withdrawn for codes with five wrong tries, at one held table, or wherever nobody works on them."""
    exhausted = select(col(PairingRow.session_id)).where(
        col(PairingRow.status) == Status.WAITING.value,
        col(PairingRow.wrong_tries) >= WRONG_TRIES_PER_CODE,
        col(PairingRow.ended).is_(None),
    )
    if table_id is None:
        exhausted = exhausted.with_for_update(skip_locked=True)
    else:
        exhausted = exhausted.where(col(PairingRow.table_id) == table_id)
    withdrawn = await session.execute(
        update(PairingRow)
        .where(
            col(PairingRow.session_id).in_(exhausted),
            # Said again, because the row may have changed while this statement waited for it.
            col(PairingRow.status) == Status.WAITING.value,
            col(PairingRow.wrong_tries) >= WRONG_TRIES_PER_CODE,
            col(PairingRow.ended).is_(None),
        )
        .values(status=Status.WITHDRAWN.value)
        .returning(col(PairingRow.session_id), col(PairingRow.generation))
        .execution_options(synchronize_session=False)
    )
    return [(row[0], row[1]) for row in withdrawn]


async def forget_days(session: AsyncSession, before: date) -> None:
    """Remove the counters of service days long over."""
    await session.execute(
        delete(GuardRow).where(col(GuardRow.service_day) < before).execution_options(synchronize_session=False)
    )


async def _add(session: AsyncSession, table_token: str, day: date, *, wrong: int, unsure: int) -> None:
    await session.execute(_ADD, {"table_token": table_token, "day": day, "wrong": wrong, "unsure": unsure})


def _none_of(codes: Sequence[Code]) -> tuple[ColumnElement[bool], ...]:
    return (tuple_(col(PairingRow.session_id), col(PairingRow.generation)).not_in(codes),) if codes else ()
