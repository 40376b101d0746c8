"""Tables that have had a session. A place's row is also the lock under which typed codes are tried at its table."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from pairing.domain import Place
from pairing.tables import PlaceRow


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
