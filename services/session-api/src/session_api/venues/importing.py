"""Import of a venue file: what is new is added, what differs is changed, nothing is ever deleted."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from session_api.venues import queries
from session_api.venues.errors import VenueFileInvalid
from session_api.venues.tables import LocationRow, TableRow, TenantRow
from session_api.venues.venue_file import LocationEntry, TableEntry, VenueFile

Change = Literal["added", "changed", "unchanged", "missing"]
TOKEN_BYTES = 16
TOKEN_LENGTH = len(secrets.token_urlsafe(TOKEN_BYTES))


@dataclass(frozen=True, slots=True)
class ImportedTable:
    """``missing``: stored, but not in the file; it is left as it is."""

    table_id: UUID
    number: str
    token: str
    enabled: bool
    change: Change


@dataclass(frozen=True, slots=True)
class ImportedLocation:
    location_id: UUID
    slug: str
    name: str
    timezone: str
    never_opens: bool
    change: Change
    tables: tuple[ImportedTable, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """Locations and tables in the order of the file, then what the file does not name."""

    tenant_id: UUID
    tenant_slug: str
    change: Change
    locations: tuple[ImportedLocation, ...]
    missing_locations: tuple[str, ...]


async def import_venues(session: AsyncSession, file: VenueFile) -> Imported:
    """Store the file's content in the session's transaction; the caller commits.

    Companies and locations are found by slug, tables by number, so that importing twice changes nothing and printed
    tokens stay. Raises VenueFileInvalid when a slug or token already belongs to somebody else.
    """
    tenant = await queries.tenant_by_slug(session, file.tenant.slug)
    change: Change = "unchanged"
    if tenant is None:
        tenant, change = TenantRow(slug=file.tenant.slug, name=file.tenant.name), "added"
        session.add(tenant)
        await session.flush()
    elif _assign(tenant, name=file.tenant.name):
        change = "changed"
    await _refuse_taken_tokens(session, tenant, file)
    locations = [await _import_location(session, tenant, entry) for entry in file.locations]
    await session.flush()
    named = {location.slug for location in locations}
    stored = await queries.locations_of(session, tenant.id)
    missing = tuple(location.slug for location in stored if location.slug not in named)
    return Imported(tenant.id, tenant.slug, change, tuple(locations), missing)


async def _refuse_taken_tokens(session: AsyncSession, tenant: TenantRow, file: VenueFile) -> None:
    wanted = {
        table.token: (location.slug, table.number)
        for location in file.locations
        for table in location.tables
        if table.token
    }
    slugs = {location.id: location.slug for location in await queries.locations_of(session, tenant.id)}
    faults = [
        f"table {wanted[row.token][1]} of {wanted[row.token][0]}: its token belongs to another table"
        for row in await queries.tables_with_tokens(session, wanted)
        if (slugs.get(row.location_id), row.number) != wanted[row.token]
    ]
    if faults:
        raise VenueFileInvalid(sorted(faults))


async def _import_location(session: AsyncSession, tenant: TenantRow, entry: LocationEntry) -> ImportedLocation:
    fields: dict[str, Any] = {
        "name": entry.name,
        "timezone": entry.timezone,
        "day_starts_at_hour": entry.day_starts_at_hour,
        "language": entry.language,
        "currency": entry.currency,
        "table_session_cap": entry.table_session_cap,
        "hours": entry.hours.to_json(),
        "lifetimes": entry.lifetimes.model_dump(exclude_none=True),
    }
    row = await queries.location_by_slug(session, entry.slug)
    change: Change = "unchanged"
    if row is None:
        row, change = LocationRow(tenant_id=tenant.id, slug=entry.slug, **fields), "added"
        session.add(row)
        await session.flush()
    elif row.tenant_id != tenant.id:
        raise VenueFileInvalid([f"location {entry.slug}: this slug belongs to another company"])
    elif _assign(row, **fields):
        change = "changed"
    tables = await _import_tables(session, row.id, entry.tables)
    return ImportedLocation(row.id, row.slug, row.name, row.timezone, not any(entry.hours.days), change, tuple(tables))


async def _import_tables(session: AsyncSession, location_id: UUID, entries: list[TableEntry]) -> list[ImportedTable]:
    stored = {row.number: row for row in await queries.tables_of(session, location_id)}
    imported = []
    for entry in entries:
        row = stored.pop(entry.number, None)
        change: Change = "unchanged"
        if row is None:
            row = TableRow(
                location_id=location_id,
                number=entry.number,
                zone=entry.zone,
                seats=entry.seats,
                token=entry.token or secrets.token_urlsafe(TOKEN_BYTES),
                enabled=entry.enabled is not False,
            )
            session.add(row)
            change = "added"
        elif _assign(
            row,
            zone=entry.zone,
            seats=entry.seats,
            token=entry.token or row.token,
            enabled=row.enabled if entry.enabled is None else entry.enabled,
        ):
            change = "changed"
        imported.append(_table(row, change))
    return imported + [_table(row, "missing") for _, row in sorted(stored.items())]


def _table(row: TableRow, change: Change) -> ImportedTable:
    return ImportedTable(row.id, row.number, row.token, row.enabled, change)


def _assign(row: TenantRow | LocationRow | TableRow, **fields: object) -> bool:
    """Set what differs. Whether anything did."""
    differing = {name: value for name, value in fields.items() if getattr(row, name) != value}
    for name, value in differing.items():
        setattr(row, name, value)
    return bool(differing)
