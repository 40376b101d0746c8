"""What guests ask of a table before any session exists. One function per use case."""

from __future__ import annotations

from datetime import datetime

from session_api.venues import errors, queries
from session_api.venues.domain import Offers, TableStatus, TableView, offers_of, status_of
from session_api.venues.queries import Database


async def show_table(
    database: Database, table_token: str, now: datetime, *, dual_enabled: bool
) -> tuple[TableView, TableStatus, Offers]:
    """The table behind a printed URL, whatever its status (T1). Raises ``table_not_found``."""
    view = await queries.find_table(database, table_token)
    if view is None:
        raise errors.table_not_found()
    return view, status_of(view, now), offers_of(dual_enabled=dual_enabled)


async def require_open(database: Database, location_slug: str, number: str, now: datetime) -> None:
    """Raises ``table_not_found``, ``table_disabled`` or ``location_closed``."""
    view = await queries.find_table_by_number(database, location_slug, number)
    if view is None:
        raise errors.table_not_found()
    refuse_unless_open(view, now)


def refuse_unless_open(view: TableView, now: datetime) -> None:
    """What stops a session from beginning at this table (T2). Raises ``table_disabled`` or ``location_closed``."""
    status = status_of(view, now)
    if status.status == "disabled":
        raise errors.table_disabled()
    if status.status == "closed":
        raise errors.location_closed(status.opens_at)
