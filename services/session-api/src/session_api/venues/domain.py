"""Rules of venues: what a table is, whether a guest may begin there now, and what it offers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from session_api.sessions.domain.lifecycle import Lifetimes
from session_api.venues.hours import OpeningHours, open_spell
from twotop_common.service_day import service_day

Status = Literal["open", "closed", "disabled"]

DEFAULT_DAY_STARTS_AT_HOUR = 4
DEFAULT_TABLE_SESSION_CAP = 10


@dataclass(frozen=True, slots=True)
class TableView:
    """One table with everything about its location that a request at it needs.

    ``number`` is what is printed on the table (``12``, ``T4``), ``token`` names the table in its URL and grants
    nothing, ``table_session_cap`` is how many live sessions the table may have at once.
    """

    tenant_id: UUID
    location_id: UUID
    location_slug: str
    location_name: str
    timezone: str
    day_starts_at_hour: int
    language: str
    currency: str
    hours: OpeningHours
    lifetimes: Lifetimes
    table_session_cap: int
    table_id: UUID
    table_number: str
    zone: str | None
    seats: int | None
    token: str
    enabled: bool
    qr_version: int


@dataclass(frozen=True, slots=True)
class TableStatus:
    """Whether a session may begin at a table.

    The times are those of the present spell of opening hours, or of the next one while closed. Both are None when
    the location is open without end, or never opens.
    """

    status: Status
    opens_at: datetime | None
    closes_at: datetime | None


@dataclass(frozen=True, slots=True)
class Offers:
    """What a table offers whenever it is open."""

    play: bool
    order: bool
    dual: bool


def status_of(view: TableView, now: datetime) -> TableStatus:
    """Whether a session may begin at this table at ``now``; live sessions go on whatever it says (T2).

    A table that staff disabled is disabled at any hour: waiting for the opening would not help the guest.
    """
    spell = open_spell(view.hours, view.timezone, now)
    if spell is None:
        return TableStatus("closed" if view.enabled else "disabled", None, None)
    is_open = spell.opens_at is None or spell.opens_at <= now
    status: Status = "disabled" if not view.enabled else "open" if is_open else "closed"
    return TableStatus(status, spell.opens_at, spell.closes_at)


def offers_of(*, dual_enabled: bool) -> Offers:
    """What guests can do at a table; ``dual_enabled`` is the flag DUAL_PAIRING_CODE_ENABLED (P8).

    Ordering is not offered until there is a menu to order from.
    """
    return Offers(play=True, order=False, dual=dual_enabled)


def service_day_at(view: TableView, at: datetime) -> date:
    """The service day of this table's location at the instant ``at``."""
    return service_day(at, view.timezone, view.day_starts_at_hour)
