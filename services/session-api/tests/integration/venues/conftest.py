"""A migrated database, sessions on it, and an imported restaurant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from session_api.venues.importing import Imported, import_venues
from session_api.venues.venue_file import VenueFile
from twotop_common.service_defaults.database import open_database_at
from twotop_common.testing.backends import ServiceDatabase

Sessions = async_sessionmaker[AsyncSession]


@pytest_asyncio.fixture
async def sessions(service_database: ServiceDatabase) -> AsyncIterator[Sessions]:
    async with open_database_at(await service_database("session_api"), pool_size=4) as database:
        yield database.sessions


@pytest.fixture
def venue_file() -> VenueFile:
    """A bar in Berlin with a disabled table, and a location that never opens."""
    bar = {
        "slug": "linden-berlin",
        "name": "Linden Bar",
        "timezone": "Europe/Berlin",
        "language": "de",
        "currency": "EUR",
        "hours": {"fri": ["18:00-02:00"]},
        "lifetimes": {"idle_s": 7200},
        "tables": [
            {"number": 1, "zone": "Bar", "seats": 2, "token": "berlin-table-1"},
            {"number": "T1", "enabled": False},
        ],
    }
    shut = {**bar, "slug": "linden-hamburg", "hours": {}, "lifetimes": {}, "tables": [{"number": 1}]}
    return VenueFile.model_validate({"tenant": {"slug": "linden", "name": "Linden"}, "locations": [bar, shut]})


@pytest_asyncio.fixture
async def imported(sessions: Sessions, venue_file: VenueFile) -> Imported:
    async with sessions.begin() as session:
        return await import_venues(session, venue_file)


@pytest.fixture
def demo_file() -> Path:
    return Path(__file__).parents[5] / "deploy" / "demo" / "restaurant.yaml"
