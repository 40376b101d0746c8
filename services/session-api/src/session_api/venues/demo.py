"""What a visitor can try with an imported venue file; the launcher writes it into run.json."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from session_api.venues import queries
from session_api.venues.errors import VenueFileInvalid
from session_api.venues.tables import LocationRow, TableRow
from session_api.venues.venue_file import VenueFile


async def describe_demo(session: AsyncSession, file: VenueFile) -> dict[str, Any]:
    """Open tables of the file's first location, a table of one that never opens, and a disabled table.

    Raises VenueFileInvalid when the file was not imported, or has no such tables.
    """
    stored = [await _stored(session, entry.slug) for entry in file.locations]
    main, main_tables = stored[0]
    closed = [tables for location, tables in stored if not location.hours]
    disabled = [table for location, tables in stored if location.hours for table in tables if not table.enabled]
    if not closed or not disabled:
        raise VenueFileInvalid(["a demo needs a location that never opens and a disabled table elsewhere"])
    return {
        "location_id": str(main.id),
        "closed_table_token": closed[0][0].token,
        "disabled_table_token": disabled[0].token,
        "tables": [{"number": table.number, "table_token": table.token} for table in main_tables if table.enabled],
    }


async def _stored(session: AsyncSession, slug: str) -> tuple[LocationRow, list[TableRow]]:
    location = await queries.location_by_slug(session, slug)
    if location is None:
        raise VenueFileInvalid([f"location {slug} is not imported yet: run `twotop import`"])
    tables = await queries.tables_of(session, location.id)
    return location, sorted(tables, key=lambda table: (len(table.number), table.number))
