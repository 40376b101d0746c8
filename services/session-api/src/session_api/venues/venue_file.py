"""The file an operator imports: one company, its restaurants, their hours and tables, as YAML.

Every fault is told with file, line and reason, all of them at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from session_api.data_file import (
    DataFileInvalid,
    Entry,
    Fault,
    given_twice,
    list_at,
    places,
    printable,
    read_data_file,
)
from session_api.venues.domain import DEFAULT_DAY_STARTS_AT_HOUR, DEFAULT_TABLE_SESSION_CAP
from session_api.venues.errors import VenueFileInvalid
from session_api.venues.hours import WEEKDAYS, OpeningHours, OpenRange


def _timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is no IANA time zone, such as Europe/Berlin")
    return name


def _number(value: Any) -> Any:
    # Unquoted, a number in YAML is an integer; on the table it is a label.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _hours(value: Any) -> OpeningHours:
    if not isinstance(value, dict):
        raise ValueError('must name weekdays, such as `mon-fri: ["11:00-23:00"]`; {} is closed all week')
    days: dict[int, tuple[OpenRange, ...]] = {}
    for key, texts in value.items():
        ranges = _ranges(texts)
        for day in _weekdays(key):
            if day in days:
                raise ValueError(f"{WEEKDAYS[day]} is given twice")
            days[day] = ranges
    return OpeningHours(tuple(days.get(day, ()) for day in range(len(WEEKDAYS))))


def _ranges(texts: Any) -> tuple[OpenRange, ...]:
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError('ranges are a list of texts, such as ["11:00-14:30", "18:00-02:00"]')
    return tuple(sorted(OpenRange.parse(text) for text in texts))


def _weekdays(key: Any) -> list[int]:
    if key == "daily":
        return list(range(len(WEEKDAYS)))
    first, _, last = str(key).partition("-")
    if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
        raise ValueError(f"{key!r} is no weekday: write mon..sun, a span such as mon-fri, or daily")
    begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
    # A span may run over the weekend: fri-mon.
    return [(begin + step) % len(WEEKDAYS) for step in range((end - begin) % len(WEEKDAYS) + 1)]


Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=63)]
Name = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(printable)]
Seconds = Annotated[int, Field(ge=1, le=7 * 86_400)]


class TableEntry(Entry):
    """``token`` is made at random when not given; ``enabled`` when not given is left as staff set it."""

    number: Annotated[str, BeforeValidator(_number), Field(min_length=1, max_length=20), AfterValidator(printable)]
    zone: Name | None = None
    seats: int | None = Field(default=None, ge=1, le=100)
    enabled: bool | None = None
    token: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{8,64}$")


class LifetimesEntry(Entry):
    """Only what differs from the defaults, in seconds (S5)."""

    absolute_s: Seconds | None = None
    pending_s: Seconds | None = None
    idle_s: Seconds | None = None
    paid_idle_s: Seconds | None = None
    code_s: Seconds | None = None
    code_grace_s: Seconds | None = None


class LocationEntry(Entry):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    slug: Slug
    name: Name
    timezone: Annotated[str, AfterValidator(_timezone)]
    day_starts_at_hour: int = Field(default=DEFAULT_DAY_STARTS_AT_HOUR, ge=0, le=23)
    language: str = Field(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    table_session_cap: int = Field(default=DEFAULT_TABLE_SESSION_CAP, ge=1, le=1000)
    lifetimes: LifetimesEntry = LifetimesEntry()
    hours: Annotated[OpeningHours, BeforeValidator(_hours)]
    tables: list[TableEntry] = Field(min_length=1)


class TenantEntry(Entry):
    slug: Slug
    name: Name


class VenueFile(Entry):
    tenant: TenantEntry
    locations: list[LocationEntry] = Field(min_length=1)


def read_venue_file(path: Path) -> VenueFile:
    """The file's content. Raises VenueFileInvalid with every fault."""
    try:
        return read_data_file(path, VenueFile, faults_between_entries)
    except DataFileInvalid as invalid:
        raise VenueFileInvalid(invalid.faults) from None


def faults_between_entries(content: Any) -> Iterator[Fault]:
    """What is given twice: a location's slug, a table's number at its location, a table's token anywhere."""
    locations = list(places(("locations",), list_at(content, "locations")))
    tables = [list(places((*place, "tables"), list_at(location, "tables"))) for place, location in locations]
    yield from given_twice("location slug", "slug", locations)
    for here in tables:
        yield from given_twice("table number", "number", here)
    yield from given_twice("table token", "token", (table for here in tables for table in here))
