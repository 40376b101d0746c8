"""Every query about venues, by name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Result, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import col, select

from session_api.sessions.domain.lifecycle import Lifetimes
from session_api.venues.domain import TableView
from session_api.venues.hours import OpeningHours
from session_api.venues.tables import LocationRow, TableRow, TenantRow

Database = AsyncSession | AsyncConnection

# Text statements: these are on the path of every scan, and constructs cost twice their CPU.
_TABLE_VIEW = """
SELECT location.tenant_id, location.id AS location_id, location.slug AS location_slug,
       location.name AS location_name, location.timezone, location.day_starts_at_hour, location.language,
       location.currency, location.hours::text AS hours, location.lifetimes::text AS lifetimes,
       location.table_session_cap, place.id AS table_id, place.number AS table_number, place.zone, place.seats,
       place.token, place.enabled, place.qr_version
FROM tables AS place JOIN locations AS location ON location.id = place.location_id
"""
_BY_TOKEN = text(_TABLE_VIEW + "WHERE place.token = :token")
_BY_NUMBER = text(_TABLE_VIEW + "WHERE location.slug = :slug AND place.number = :number")


async def find_table(database: Database, table_token: str) -> TableView | None:
    """The table whose printed URL holds ``table_token``."""
    return _view(await database.execute(_BY_TOKEN, {"token": table_token}))


async def find_table_by_number(database: Database, location_slug: str, number: str) -> TableView | None:
    """The table with this printed number at the location."""
    return _view(await database.execute(_BY_NUMBER, {"slug": location_slug, "number": number}))


def _view(result: Result[Any]) -> TableView | None:
    row = result.mappings().first()
    return None if row is None else table_view(dict(row))


def table_view(row: Mapping[str, Any]) -> TableView:
    """A row of the table view, its documents still as JSON text."""
    return TableView(**{**row, "hours": _hours(row["hours"]), "lifetimes": _lifetimes(row["lifetimes"])})


# A location's documents change rarely and are read with every scan of any of its tables.
@lru_cache(maxsize=1024)
def _hours(document: str) -> OpeningHours:
    return OpeningHours.from_json(json.loads(document))


@lru_cache(maxsize=1024)
def _lifetimes(document: str) -> Lifetimes:
    known = Lifetimes.__dataclass_fields__
    return Lifetimes(**{name: seconds for name, seconds in json.loads(document).items() if name in known})


async def tenant_by_slug(session: AsyncSession, slug: str) -> TenantRow | None:
    """The company, its row locked against another import."""
    return (await session.execute(select(TenantRow).where(TenantRow.slug == slug).with_for_update())).scalar()


async def location_by_slug(session: AsyncSession, slug: str) -> LocationRow | None:
    """The restaurant with this slug, of whatever company."""
    return (await session.execute(select(LocationRow).where(LocationRow.slug == slug))).scalar()


async def locations_of(session: AsyncSession, tenant_id: UUID) -> list[LocationRow]:
    """Every restaurant of a company."""
    found = await session.execute(
        select(LocationRow).where(LocationRow.tenant_id == tenant_id).order_by(col(LocationRow.slug))
    )
    return list(found.scalars())


async def tables_of(session: AsyncSession, location_id: UUID) -> list[TableRow]:
    """Every table of a restaurant."""
    found = await session.execute(select(TableRow).where(TableRow.location_id == location_id))
    return list(found.scalars())


async def tables_with_tokens(session: AsyncSession, tokens: Iterable[str]) -> list[TableRow]:
    """The tables, of any restaurant, that already have one of these tokens."""
    found = await session.execute(select(TableRow).where(col(TableRow.token).in_(list(tokens))))
    return list(found.scalars())
