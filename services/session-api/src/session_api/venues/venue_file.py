"""The file an operator imports: one company, its restaurants, their hours and tables, as YAML.

Every fault is told with file, line and reason, all of them at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import available_timezones

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

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


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be printable text on one line")
    return value


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
Name = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_printable)]
Seconds = Annotated[int, Field(ge=1, le=7 * 86_400)]


class Entry(BaseModel):
    """A misspelt key must not pass for a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


EntryT = TypeVar("EntryT", bound=Entry)


class TableEntry(Entry):
    """``token`` is made at random when not given; ``enabled`` when not given is left as staff set it."""

    number: Annotated[str, BeforeValidator(_number), Field(min_length=1, max_length=20), AfterValidator(_printable)]
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

    @model_validator(mode="after")
    def _numbers_differ(self) -> LocationEntry:
        return _differ(self, "table number", [table.number for table in self.tables])


class TenantEntry(Entry):
    slug: Slug
    name: Name


class VenueFile(Entry):
    tenant: TenantEntry
    locations: list[LocationEntry] = Field(min_length=1)

    @model_validator(mode="after")
    def _slugs_and_tokens_differ(self) -> VenueFile:
        _differ(self, "location slug", [location.slug for location in self.locations])
        tokens = [table.token for location in self.locations for table in location.tables if table.token]
        return _differ(self, "table token", tokens)


def _differ(entry: EntryT, what: str, values: list[str]) -> EntryT:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"{what} given twice: {', '.join(twice)}")
    return entry


def read_venue_file(path: Path) -> VenueFile:
    """The file's content. Raises VenueFileInvalid with every fault."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise VenueFileInvalid([f"{path}: {reason}"]) from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None:
            _refuse_repeated_keys(root)
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise VenueFileInvalid([f"{path}:{line}: {error.problem}"]) from None
    except yaml.YAMLError as error:
        raise VenueFileInvalid([f"{path}: {error}"]) from None
    try:
        return VenueFile.model_validate(content)
    except ValidationError as invalid:
        faults = sorted((_line_of(root, fault["loc"]), _sentence(fault)) for fault in invalid.errors())
        raise VenueFileInvalid([f"{path}:{line}: {sentence}" for line, sentence in faults]) from None


def _sentence(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    reason = fault["msg"].removeprefix("Value error, ")
    return f"{where}: {reason}" if where else reason


def _refuse_repeated_keys(node: yaml.Node) -> None:
    """YAML lets the last of two equal keys win in silence; here that would lose somebody's table."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(item)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.MarkedYAMLError(problem=f"{name} is given twice", problem_mark=key.start_mark)
            seen.add(name)
            _refuse_repeated_keys(value)


def _line_of(root: yaml.Node | None, place: tuple[int | str, ...]) -> int:
    """The line of the innermost node on the way to ``place`` that the file has, counted from 1."""
    node, line = root, 1
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == part), None)
            if found is None:
                return line
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
