"""Opening hours on the wall clock of a location, turned into instants. Pure.

A range belongs to the weekday on which it begins and may end on the next one. A wall-clock time that happens twice
(clocks go back) counts as early as possible for opening and as late as possible for closing; one that never happens
(clocks go forward) is the instant of the jump. So a location never closes in the middle of its hours, and a range is
never negative.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTES_A_DAY = 24 * 60
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# No spell that ends is longer than a week and the hour that a zone may add to it.
_LONGEST_SPELL = timedelta(days=8)
# Enough days around today that any spell shorter than a week is seen whole, whatever the zone does.
_DAYS_AROUND = 9


@dataclass(frozen=True, slots=True, order=True)
class OpenRange:
    """Minutes of the weekday's wall clock: ``opens`` in 0..1439, ``closes`` in opens+1..opens+1439, or 0 and 1440.

    ``closes`` above 1440 lies on the next day; exactly 1440 is midnight at the end of the day.
    """

    opens: int
    closes: int

    def __post_init__(self) -> None:
        if not 0 <= self.opens < MINUTES_A_DAY:
            raise ValueError("opens must be a minute of the day")
        whole_day = (self.opens, self.closes) == (0, MINUTES_A_DAY)
        if not whole_day and not self.opens < self.closes < self.opens + MINUTES_A_DAY:
            raise ValueError("a range must be longer than nothing and shorter than a day, or the whole of it")

    @classmethod
    def parse(cls, text: str) -> OpenRange:
        """From ``HH:MM-HH:MM``. An end at or before the beginning is on the next day. Raises ValueError."""
        opens_text, dash, closes_text = text.partition("-")
        if not dash:
            raise ValueError(f"{text!r} is no range: write HH:MM-HH:MM")
        opens, closes = _minutes(opens_text), _minutes(closes_text)
        if opens == MINUTES_A_DAY:
            raise ValueError(f"{text!r}: a range cannot begin at 24:00, write it as 00:00 of the next day")
        if opens == closes:
            raise ValueError(f"{text!r} begins and ends at one time: write 00:00-24:00 for the whole day")
        return cls(opens, closes if closes > opens else closes + MINUTES_A_DAY)

    def __str__(self) -> str:
        closes = self.closes if self.closes <= MINUTES_A_DAY else self.closes - MINUTES_A_DAY
        return f"{self.opens // 60:02}:{self.opens % 60:02}-{closes // 60:02}:{closes % 60:02}"


def _minutes(text: str) -> int:
    hours, colon, minutes = text.strip().partition(":")
    digits = hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit()
    if not colon or not digits or len(hours) > 2 or len(minutes) != 2 or int(minutes) > 59:
        raise ValueError(f"{text.strip()!r} is no time of day: write HH:MM")
    total = int(hours) * 60 + int(minutes)
    if total > MINUTES_A_DAY:
        raise ValueError(f"{text.strip()!r} is no time of day: write HH:MM")
    return total


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Seven entries, Monday first; an empty one is a day on which the location does not open."""

    days: tuple[tuple[OpenRange, ...], ...]

    def __post_init__(self) -> None:
        if len(self.days) != len(WEEKDAYS):
            raise ValueError("opening hours have seven days")

    @classmethod
    def closed(cls) -> OpeningHours:
        return cls(((),) * len(WEEKDAYS))

    @classmethod
    def always(cls) -> OpeningHours:
        return cls(((OpenRange(0, MINUTES_A_DAY),),) * len(WEEKDAYS))

    def to_json(self) -> dict[str, list[str]]:
        """As stored: weekday -> ranges, days without ranges left out."""
        return {
            name: [str(open_range) for open_range in ranges]
            for name, ranges in zip(WEEKDAYS, self.days, strict=True)
            if ranges
        }

    @classmethod
    def from_json(cls, stored: dict[str, list[str]]) -> OpeningHours:
        return cls(tuple(tuple(OpenRange.parse(text) for text in stored.get(name, ())) for name in WEEKDAYS))


@dataclass(frozen=True, slots=True)
class Spell:
    """One unbroken time of being open, ``opens_at <= now < closes_at``, in UTC. None: no end within a week."""

    opens_at: datetime | None
    closes_at: datetime | None


def open_spell(hours: OpeningHours, timezone: str, now: datetime) -> Spell | None:
    """The spell that ``now`` lies in, else the next one, else None when the location never opens."""
    today = now.astimezone(ZoneInfo(timezone)).date()
    spells = _spells_around(hours, timezone, today)
    for opens_at, closes_at in spells:
        if now < closes_at:
            endless = closes_at - opens_at > _LONGEST_SPELL
            return Spell(None, None) if endless else Spell(opens_at, closes_at)
    return None


@lru_cache(maxsize=4096)
def _spells_around(hours: OpeningHours, timezone: str, today: date) -> tuple[tuple[datetime, datetime], ...]:
    """Every spell of the days around ``today``, in order, ranges that touch or overlap joined."""
    zone = ZoneInfo(timezone)
    ranges: list[tuple[datetime, datetime]] = []
    for offset in range(-_DAYS_AROUND, _DAYS_AROUND + 1):
        day = today + timedelta(days=offset)
        for open_range in hours.days[day.weekday()]:
            opens_at = _instant(day, open_range.opens, zone, latest=False)
            closes_at = _instant(day, open_range.closes, zone, latest=True)
            if opens_at < closes_at:
                ranges.append((opens_at, closes_at))
    return tuple(_joined(ranges))


def _joined(ranges: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    spells: list[tuple[datetime, datetime]] = []
    for opens_at, closes_at in sorted(ranges):
        if spells and opens_at <= spells[-1][1]:
            spells[-1] = (spells[-1][0], max(spells[-1][1], closes_at))
        else:
            spells.append((opens_at, closes_at))
    return spells


def _instant(day: date, minutes: int, zone: ZoneInfo, *, latest: bool) -> datetime:
    """The instant at which the zone's wall clock shows ``minutes`` of ``day``; see the rules on top."""
    days, minute = divmod(minutes, MINUTES_A_DAY)
    wall = datetime.combine(day + timedelta(days=days), time(minute // 60, minute % 60))
    first, second = _both_instants(wall, zone)
    if first > second:
        return _jump_between(second, first, zone)
    if latest and first < second:
        minute_before = _both_instants(wall - timedelta(minutes=1), zone)
        # At the very start of the repeated hour nothing inside the range is shown again.
        return second if minute_before[0] < minute_before[1] else first
    return first


def _both_instants(wall: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Equal for an ordinary wall-clock time, rising for one that happens twice, falling for one that never does."""
    return (
        wall.replace(tzinfo=zone, fold=0).astimezone(UTC),
        wall.replace(tzinfo=zone, fold=1).astimezone(UTC),
    )


def _jump_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The instant in ``(before, after]`` at which the zone's offset changes, found by halving to the second."""
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
