"""Imports may be repeated at will: tokens stay, nothing is deleted, nobody's slug or token is taken."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from session_api.venues import queries
from session_api.venues.domain import TableView
from session_api.venues.errors import VenueFileInvalid
from session_api.venues.importing import Imported, import_venues
from session_api.venues.venue_file import VenueFile

pytestmark = pytest.mark.integration
Sessions = async_sessionmaker[AsyncSession]


async def load(sessions: Sessions, file: VenueFile) -> Imported:
    async with sessions.begin() as session:
        return await import_venues(session, file)


async def find(sessions: Sessions, token: str) -> TableView:
    async with sessions() as session:
        view = await queries.find_table(session, token)
    assert view is not None
    return view


def changed(file: VenueFile, **location: Any) -> VenueFile:
    first = file.locations[0]
    return file.model_copy(update={"locations": [first.model_copy(update=location), *file.locations[1:]]})


def with_tables(file: VenueFile, *tables: dict[str, Any]) -> VenueFile:
    document = {
        "tenant": file.tenant.model_dump(),
        "locations": [
            {
                "slug": location.slug,
                "name": location.name,
                "timezone": location.timezone,
                "language": location.language,
                "currency": location.currency,
                "hours": location.hours.to_json(),
                "lifetimes": location.lifetimes.model_dump(exclude_none=True),
                "tables": list(tables),
            }
            for location in file.locations[:1]
        ],
    }
    return VenueFile.model_validate(document)


def changes(imported: Imported) -> set[str]:
    tables = {table.change for location in imported.locations for table in location.tables}
    return {imported.change} | {location.change for location in imported.locations} | tables


async def test_a_first_import_adds_everything(imported: Imported) -> None:
    assert changes(imported) == {"added"}
    bar, shut = imported.locations
    assert [(table.number, table.enabled) for table in bar.tables] == [("1", True), ("T1", False)]
    assert (bar.never_opens, shut.never_opens) == (False, True)


async def test_tokens_are_long_and_differ(imported: Imported) -> None:
    made = [imported.locations[0].tables[1].token, imported.locations[1].tables[0].token]
    assert len(set(made)) == 2
    assert all(len(token) >= 22 for token in made)


async def test_importing_twice_changes_nothing(sessions: Sessions, venue_file: VenueFile, imported: Imported) -> None:
    again = await load(sessions, venue_file)
    assert changes(again) == {"unchanged"}
    assert [location.location_id for location in again.locations] == [
        location.location_id for location in imported.locations
    ]
    assert [[table.token for table in location.tables] for location in again.locations] == [
        [table.token for table in location.tables] for location in imported.locations
    ]


async def test_what_differs_is_changed_and_seen_at_once(
    sessions: Sessions, venue_file: VenueFile, imported: Imported
) -> None:
    again = await load(sessions, changed(venue_file, name="Linden Garden", table_session_cap=3))
    assert [location.change for location in again.locations] == ["changed", "unchanged"]
    view = await find(sessions, "berlin-table-1")
    assert (view.location_name, view.table_session_cap) == ("Linden Garden", 3)
    assert view.location_id == imported.locations[0].location_id


async def test_the_company_can_be_renamed(sessions: Sessions, venue_file: VenueFile, imported: Imported) -> None:
    tenant = venue_file.tenant.model_copy(update={"name": "Linden & Sons"})
    again = await load(sessions, venue_file.model_copy(update={"tenant": tenant}))
    assert (again.change, again.tenant_id) == ("changed", imported.tenant_id)


async def test_what_the_file_leaves_out_is_reported_and_kept(
    sessions: Sessions, venue_file: VenueFile, imported: Imported
) -> None:
    again = await load(sessions, with_tables(venue_file, {"number": "T9"}))
    assert again.missing_locations == ("linden-hamburg",)
    assert [(table.number, table.change) for table in again.locations[0].tables] == [
        ("T9", "added"),
        ("1", "missing"),
        ("T1", "missing"),
    ]
    assert (await find(sessions, "berlin-table-1")).table_number == "1"


async def test_a_table_that_staff_disabled_stays_so_unless_the_file_says_otherwise(
    sessions: Sessions, venue_file: VenueFile, imported: Imported
) -> None:
    token = imported.locations[0].tables[1].token
    silent = with_tables(venue_file, {"number": 1, "zone": "Bar", "seats": 2}, {"number": "T1"})
    assert (await load(sessions, silent)).locations[0].tables[1].change == "unchanged"
    assert not (await find(sessions, token)).enabled
    await load(sessions, with_tables(venue_file, {"number": "T1", "enabled": True}))
    assert (await find(sessions, token)).enabled


async def test_a_token_given_in_the_file_replaces_the_stored_one(
    sessions: Sessions, venue_file: VenueFile, imported: Imported
) -> None:
    again = await load(sessions, with_tables(venue_file, {"number": 1, "token": "berlin-new-1"}))
    assert again.locations[0].tables[0].change == "changed"
    assert (await find(sessions, "berlin-new-1")).table_id == imported.locations[0].tables[0].table_id


async def test_a_token_of_another_table_is_refused(
    sessions: Sessions, venue_file: VenueFile, imported: Imported
) -> None:
    with pytest.raises(VenueFileInvalid, match="table T2 of linden-berlin: its token belongs to another table"):
        await load(sessions, with_tables(venue_file, {"number": "T2", "token": "berlin-table-1"}))
    assert (await find(sessions, "berlin-table-1")).table_number == "1"


async def test_a_slug_of_another_company_is_refused(
    sessions: Sessions, venue_file: VenueFile, imported: Imported
) -> None:
    thief = with_tables(venue_file, {"number": 1}).model_copy(
        update={"tenant": venue_file.tenant.model_copy(update={"slug": "thief"})}
    )
    with pytest.raises(VenueFileInvalid, match="belongs to another company"):
        await load(sessions, thief)


async def test_a_location_overrides_single_lifetimes(sessions: Sessions, imported: Imported) -> None:
    bar = await find(sessions, "berlin-table-1")
    assert (bar.lifetimes.idle_s, bar.lifetimes.absolute_s, bar.lifetimes.code_s) == (7200, 86_400, 600)
    shut = await find(sessions, imported.locations[1].tables[0].token)
    assert shut.lifetimes.idle_s == 5400


async def test_a_table_is_found_with_all_that_a_session_needs(sessions: Sessions, imported: Imported) -> None:
    view = await find(sessions, "berlin-table-1")
    assert (view.tenant_id, view.location_id) == (imported.tenant_id, imported.locations[0].location_id)
    assert (view.location_slug, view.timezone, view.day_starts_at_hour) == ("linden-berlin", "Europe/Berlin", 4)
    assert (view.table_number, view.zone, view.seats, view.enabled) == ("1", "Bar", 2, True)
    assert view.hours.to_json() == {"fri": ["18:00-02:00"]}


async def test_an_unknown_token_finds_nothing(sessions: Sessions, imported: Imported) -> None:
    async with sessions() as session:
        assert await queries.find_table(session, "nobody") is None
        assert await queries.find_table_by_number(session, "linden-berlin", "99") is None
        assert await queries.find_table_by_number(session, "nowhere", "1") is None
