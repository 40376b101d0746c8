"""The table paths over HTTP: shapes and codes as CONTRACT has them, on the location's own clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from session_api.settings import SessionApiSettings
from session_api.venues.api import VenuesApi, router
from session_api.venues.importing import Imported
from twotop_common.service_defaults.app import create_app
from twotop_common.service_defaults.health import Health
from twotop_common.service_defaults.rate_limits import ADDRESS, RateLimiter
from twotop_common.testing.fakes import Clock

pytestmark = pytest.mark.integration
Sessions = async_sessionmaker[AsyncSession]

FRIDAY_EVENING = datetime(2026, 1, 9, 20, 0, tzinfo=UTC)
AFTER_MIDNIGHT = datetime(2026, 1, 10, 0, 59, 59, tzinfo=UTC)
AT_CLOSING = datetime(2026, 1, 10, 1, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock(FRIDAY_EVENING)


@pytest.fixture
def flag() -> dict[str, bool]:
    return {"dual": True}


@pytest_asyncio.fixture
async def limiter(redis_url: str) -> AsyncIterator[RateLimiter]:
    limiter = RateLimiter(redis_url, "a key of this test")
    yield limiter
    await limiter.close()


@pytest_asyncio.fixture
async def http(
    sessions: Sessions, limiter: RateLimiter, clock: Clock, flag: dict[str, bool]
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(SessionApiSettings(), title="tables", health=Health("session-api", []), routers=[router])
    app.state.venues = VenuesApi(sessions, limiter, lambda: flag["dual"], clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tables") as client:
        yield client


async def is_open(http: httpx.AsyncClient, location: str, table: str) -> tuple[int, Any]:
    answer = await http.get("/api/v1/is_open", params={"location": location, "table": table})
    body = answer.json()
    return answer.status_code, body.get("code", body)


async def test_a_scan_shows_the_table(http: httpx.AsyncClient, imported: Imported) -> None:
    answer = await http.get("/api/v1/tables/berlin-table-1")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    bar = imported.locations[0]
    assert answer.json() == {
        "location": {"id": str(bar.location_id), "name": "Linden Bar", "language": "de", "currency": "EUR"},
        "table": {"id": str(bar.tables[0].table_id), "number": "1", "zone": "Bar", "seats": 2},
        "status": "open",
        "opens_at": "2026-01-09T17:00:00Z",
        "closes_at": "2026-01-10T01:00:00Z",
        "offers": {"play": True, "order": False, "dual": True},
    }


async def test_the_flag_takes_two_phones_off_the_offer(
    http: httpx.AsyncClient, imported: Imported, flag: dict[str, bool]
) -> None:
    flag["dual"] = False
    assert (await http.get("/api/v1/tables/berlin-table-1")).json()["offers"]["dual"] is False


async def test_closed_and_disabled_tables_are_still_shown(
    http: httpx.AsyncClient, imported: Imported, clock: Clock
) -> None:
    clock.now = AT_CLOSING
    assert (await http.get("/api/v1/tables/berlin-table-1")).json()["status"] == "closed"
    disabled = imported.locations[0].tables[1].token
    assert (await http.get(f"/api/v1/tables/{disabled}")).json()["status"] == "disabled"
    never = (await http.get(f"/api/v1/tables/{imported.locations[1].tables[0].token}")).json()
    assert (never["status"], never["opens_at"], never["closes_at"]) == ("closed", None, None)


@pytest.mark.parametrize("token", ["nobody", "%20", "x" * 3000, "%F0%9F%8D%9C"])
async def test_an_unknown_token_is_not_found(http: httpx.AsyncClient, imported: Imported, token: str) -> None:
    answer = await http.get(f"/api/v1/tables/{token}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "table_not_found"


async def test_is_open_follows_the_locations_clock_past_midnight(
    http: httpx.AsyncClient, imported: Imported, clock: Clock
) -> None:
    assert await is_open(http, "linden-berlin", "1") == (200, {"open": True})
    clock.now = AFTER_MIDNIGHT
    assert await is_open(http, "linden-berlin", "1") == (200, {"open": True})
    clock.now = AT_CLOSING
    assert await is_open(http, "linden-berlin", "1") == (403, "location_closed")


async def test_is_open_names_what_is_in_the_way(http: httpx.AsyncClient, imported: Imported) -> None:
    assert await is_open(http, "linden-berlin", "T1") == (423, "table_disabled")
    assert await is_open(http, "linden-hamburg", "1") == (403, "location_closed")
    assert await is_open(http, "linden-berlin", "99") == (404, "table_not_found")
    assert await is_open(http, "nowhere", "1") == (404, "table_not_found")


async def test_is_open_without_its_parameters_names_them(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/v1/is_open", params={"location": "linden-berlin"})
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_field"
    assert [error["field"] for error in answer.json()["errors"]] == ["table"]


async def test_paths_answer_without_their_version(http: httpx.AsyncClient, imported: Imported) -> None:
    assert (await http.get("/api/tables/berlin-table-1")).status_code == 200


async def test_one_address_has_a_ceiling_and_the_others_none_of_it(
    http: httpx.AsyncClient, imported: Imported, limiter: RateLimiter
) -> None:
    for _ in range(ADDRESS.limit):
        await limiter.hit(ADDRESS, "127.0.0.9")
    for path in ("/api/v1/tables/berlin-table-1", "/api/v1/is_open?location=linden-berlin&table=1"):
        refused = await http.get(path, headers={"X-Twotop-Client": "127.0.0.9"})
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert int(refused.headers["retry-after"]) > 0
        assert (await http.get(path, headers={"X-Twotop-Client": "127.0.0.10"})).status_code == 200
