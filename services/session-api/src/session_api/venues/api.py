"""HTTP of the table paths. ``app.state.venues`` is a VenuesApi, set by bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from session_api.venues import handlers
from session_api.venues.schemas import IsOpenBody, TableBody
from twotop_common.service_defaults.app import ERROR_RESPONSES
from twotop_common.service_defaults.rate_limits import ADDRESS, RateLimiter, client_of

router = APIRouter(tags=["tables"])

_PROBLEM: dict[str, Any] = {"content": ERROR_RESPONSES["default"]["content"]}


@dataclass(frozen=True, slots=True)
class VenuesApi:
    """What the table paths need; ``dual_enabled`` reads the flag DUAL_PAIRING_CODE_ENABLED."""

    sessions: async_sessionmaker[AsyncSession]
    limiter: RateLimiter
    dual_enabled: Callable[[], bool]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


async def _venues(request: Request) -> VenuesApi:
    venues: VenuesApi = request.app.state.venues
    return venues


Venues = Annotated[VenuesApi, Depends(_venues)]


@router.get(
    "/tables/{table_token}",
    summary="The table behind a printed URL",
    responses={
        404: {"description": "`table_not_found`", **_PROBLEM},
        429: {"description": "`rate_limited`", **_PROBLEM},
    },
)
async def get_table(table_token: str, venues: Venues, request: Request, response: Response) -> TableBody:
    """Location, table, whether it is open, and what it offers. The token names the table and grants nothing."""
    await venues.limiter.hit(ADDRESS, client_of(request))
    async with venues.sessions() as database:
        view, status, offers = await handlers.show_table(
            database, table_token, venues.now(), dual_enabled=venues.dual_enabled()
        )
    # Staff disable and enable tables at any moment.
    response.headers["Cache-Control"] = "no-store"
    return TableBody.of(view, status, offers)


@router.get(
    "/is_open",
    summary="Whether a session may begin at a table now",
    responses={
        403: {"description": "`location_closed`", **_PROBLEM},
        404: {"description": "`table_not_found`", **_PROBLEM},
        423: {"description": "`table_disabled`", **_PROBLEM},
        429: {"description": "`rate_limited`", **_PROBLEM},
    },
)
async def get_is_open(
    venues: Venues,
    request: Request,
    response: Response,
    location: Annotated[str, Query(min_length=1, max_length=100, description="the location's slug")],
    table: Annotated[str, Query(min_length=1, max_length=20, description="the number printed on the table")],
) -> IsOpenBody:
    """Answers 200 only when open, on the location's own clock."""
    await venues.limiter.hit(ADDRESS, client_of(request))
    async with venues.sessions() as database:
        await handlers.require_open(database, location, table, venues.now())
    response.headers["Cache-Control"] = "no-store"
    return IsOpenBody(open=True)
