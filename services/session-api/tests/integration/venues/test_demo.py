"""What the launcher tells about the demo restaurant."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from session_api.venues import queries
from session_api.venues.demo import describe_demo
from session_api.venues.domain import status_of
from session_api.venues.errors import VenueFileInvalid
from session_api.venues.importing import import_venues
from session_api.venues.venue_file import VenueFile, read_venue_file

pytestmark = pytest.mark.integration
Sessions = async_sessionmaker[AsyncSession]


@pytest.mark.parametrize("hour", range(0, 24, 3))
async def test_a_visitor_finds_open_closed_and_disabled_tables_at_any_hour(
    sessions: Sessions, demo_file: Path, hour: int
) -> None:
    file = read_venue_file(demo_file)
    now = datetime(2026, 1, 9, hour, tzinfo=UTC)
    async with sessions.begin() as session:
        await import_venues(session, file)
        demo = await describe_demo(session, file)
        open_tokens = [table["table_token"] for table in demo["tables"]]
        expected = dict.fromkeys(open_tokens, "open")
        expected |= {demo["closed_table_token"]: "closed", demo["disabled_table_token"]: "disabled"}
        for token, status in expected.items():
            view = await queries.find_table(session, token)
            assert view is not None
            assert status_of(view, now).status == status
            assert (str(view.location_id) == demo["location_id"]) == (status != "closed")
    assert [table["number"] for table in demo["tables"]] == ["1", "2", "3", "4", "5", "6", "7"]


async def test_a_file_that_was_not_imported_says_so(sessions: Sessions, demo_file: Path) -> None:
    async with sessions() as session:
        with pytest.raises(VenueFileInvalid, match="lotus-saigon is not imported yet"):
            await describe_demo(session, read_venue_file(demo_file))


async def test_a_file_without_anything_to_be_refused_at_is_no_demo(sessions: Sessions, venue_file: VenueFile) -> None:
    only_bar = venue_file.model_copy(update={"locations": venue_file.locations[:1]})
    async with sessions.begin() as session:
        await import_venues(session, only_bar)
        with pytest.raises(VenueFileInvalid, match="never opens"):
            await describe_demo(session, only_bar)
