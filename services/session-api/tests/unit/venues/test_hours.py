"""Opening hours on a real clock: midnight, clock changes, spells that touch."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_api.venues.hours import MINUTES_A_DAY, WEEKDAYS, OpeningHours, OpenRange, Spell, open_spell

BERLIN = "Europe/Berlin"
ZONES = [
    BERLIN,
    "Asia/Ho_Chi_Minh",
    "America/New_York",
    "Australia/Lord_Howe",  # clocks move by half an hour
    "America/Havana",  # clocks go back at midnight
    "America/Santiago",  # clocks go forward at midnight
    "Pacific/Apia",
]


def hours(**days: list[str]) -> OpeningHours:
    return OpeningHours.from_json(days)


def at(zone: str, year: int, month: int, day: int, hour: int, minute: int, second: int = 0, fold: int = 0) -> datetime:
    wall = datetime(year, month, day, hour, minute, second, tzinfo=ZoneInfo(zone), fold=fold)
    return wall.astimezone(UTC)


def is_open(opening: OpeningHours, zone: str, now: datetime) -> bool:
    spell = open_spell(opening, zone, now)
    return spell is not None and (spell.opens_at is None or spell.opens_at <= now)


def test_the_edges_of_a_range_are_open_then_closed() -> None:
    monday = hours(mon=["11:00-14:30", "18:00-22:00"])
    assert not is_open(monday, BERLIN, at(BERLIN, 2026, 1, 5, 10, 59, 59))
    assert is_open(monday, BERLIN, at(BERLIN, 2026, 1, 5, 11, 0))
    assert is_open(monday, BERLIN, at(BERLIN, 2026, 1, 5, 14, 29, 59))
    assert not is_open(monday, BERLIN, at(BERLIN, 2026, 1, 5, 14, 30))
    assert is_open(monday, BERLIN, at(BERLIN, 2026, 1, 5, 18, 0))


def test_while_closed_the_next_spell_is_told() -> None:
    monday = hours(mon=["11:00-14:30", "18:00-22:00"])
    between = open_spell(monday, BERLIN, at(BERLIN, 2026, 1, 5, 15, 0))
    assert between == Spell(at(BERLIN, 2026, 1, 5, 18, 0), at(BERLIN, 2026, 1, 5, 22, 0))
    after = open_spell(monday, BERLIN, at(BERLIN, 2026, 1, 5, 22, 0))
    assert after == Spell(at(BERLIN, 2026, 1, 12, 11, 0), at(BERLIN, 2026, 1, 12, 14, 30))


def test_a_range_past_midnight_belongs_to_the_day_it_begins_on() -> None:
    friday = hours(fri=["18:00-02:00"])
    assert is_open(friday, BERLIN, at(BERLIN, 2026, 1, 10, 1, 59, 59))
    assert not is_open(friday, BERLIN, at(BERLIN, 2026, 1, 10, 2, 0))
    assert not is_open(friday, BERLIN, at(BERLIN, 2026, 1, 9, 1, 0))


def test_sunday_night_reaches_into_monday() -> None:
    assert is_open(hours(sun=["20:00-04:00"]), BERLIN, at(BERLIN, 2026, 1, 12, 3, 0))


def test_ranges_that_touch_are_one_spell() -> None:
    opening = hours(fri=["18:00-24:00"], sat=["00:00-03:00"])
    assert open_spell(opening, BERLIN, at(BERLIN, 2026, 1, 9, 19, 0)) == Spell(
        at(BERLIN, 2026, 1, 9, 18, 0), at(BERLIN, 2026, 1, 10, 3, 0)
    )


def test_open_round_the_clock_has_no_end() -> None:
    assert open_spell(OpeningHours.always(), BERLIN, at(BERLIN, 2026, 3, 29, 12, 0)) == Spell(None, None)


def test_a_week_with_one_closed_minute_has_an_end() -> None:
    days = {name: ["00:00-24:00"] for name in WEEKDAYS}
    opening = hours(**{**days, "wed": ["00:01-24:00"]})
    spell = open_spell(opening, BERLIN, at(BERLIN, 2026, 10, 25, 12, 0))
    assert spell == Spell(at(BERLIN, 2026, 10, 21, 0, 1), at(BERLIN, 2026, 10, 28, 0, 0))


def test_closed_all_week_never_opens() -> None:
    assert open_spell(OpeningHours.closed(), BERLIN, at(BERLIN, 2026, 1, 5, 12, 0)) is None


def test_hours_in_the_missing_hour_are_the_instant_of_the_jump() -> None:
    jump = at(BERLIN, 2026, 3, 29, 3, 0)
    opens = open_spell(hours(sun=["02:30-05:00"]), BERLIN, at(BERLIN, 2026, 3, 29, 1, 0))
    assert opens == Spell(jump, at(BERLIN, 2026, 3, 29, 5, 0))
    closes = open_spell(hours(sat=["22:00-02:30"]), BERLIN, at(BERLIN, 2026, 3, 29, 1, 0))
    assert closes == Spell(at(BERLIN, 2026, 3, 28, 22, 0), jump)


def test_a_range_that_the_jump_swallows_does_not_happen() -> None:
    swallowed = open_spell(hours(sun=["02:10-02:50"]), BERLIN, at(BERLIN, 2026, 3, 29, 1, 0))
    assert swallowed == Spell(at(BERLIN, 2026, 4, 5, 2, 10), at(BERLIN, 2026, 4, 5, 2, 50))


def test_the_repeated_hour_closes_late_and_opens_early() -> None:
    closes = open_spell(hours(sat=["22:00-02:30"]), BERLIN, at(BERLIN, 2026, 10, 25, 1, 0))
    assert closes == Spell(at(BERLIN, 2026, 10, 24, 22, 0), at(BERLIN, 2026, 10, 25, 2, 30, fold=1))
    opens = open_spell(hours(sun=["02:30-05:00"]), BERLIN, at(BERLIN, 2026, 10, 25, 1, 0))
    assert opens == Spell(at(BERLIN, 2026, 10, 25, 2, 30, fold=0), at(BERLIN, 2026, 10, 25, 5, 0))


def test_closing_as_the_repeated_hour_begins_is_not_put_off() -> None:
    closes = open_spell(hours(sat=["22:00-02:00"]), BERLIN, at(BERLIN, 2026, 10, 25, 1, 0))
    assert closes == Spell(at(BERLIN, 2026, 10, 24, 22, 0), at(BERLIN, 2026, 10, 25, 2, 0, fold=0))


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("11:00-14:30", (660, 870)),
        ("18:00-02:00", (1080, 1560)),
        ("00:00-24:00", (0, 1440)),
        ("9:00-00:00", (540, 1440)),
    ],
)
def test_ranges_are_read(text: str, minutes: tuple[int, int]) -> None:
    assert OpenRange.parse(text) == OpenRange(*minutes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "11:00",
        "11-14",
        "11:00-11:00",
        "24:00-03:00",
        "25:00-26:00",
        "11:60-12:00",
        "11:0-12:00",
        "²:00-12:00",
        "011:00-12:00",
    ],
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        OpenRange.parse(text)


@pytest.mark.parametrize(("opens", "closes"), [(-1, 5), (1440, 1500), (5, 5), (5, 5 + 1440)])
def test_a_range_out_of_bounds_cannot_be_made(opens: int, closes: int) -> None:
    with pytest.raises(ValueError, match=r".+"):
        OpenRange(opens, closes)


def test_a_week_has_seven_days() -> None:
    with pytest.raises(ValueError, match="seven"):
        OpeningHours(((),))


ranges = st.builds(
    lambda opens, length: OpenRange(opens, opens + length),
    st.integers(0, MINUTES_A_DAY - 1),
    st.integers(1, MINUTES_A_DAY - 1),
) | st.just(OpenRange(0, MINUTES_A_DAY))
weeks = st.lists(st.lists(ranges, max_size=3).map(lambda found: tuple(sorted(found))), min_size=7, max_size=7).map(
    lambda days: OpeningHours(tuple(days))
)
instants = st.integers(0, 4 * 365 * 24 * 60).map(
    lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def near_a_clock_change(zone: str) -> st.SearchStrategy[datetime]:
    """Instants within a day of one of the zone's clock changes of 2026, or any instant where clocks never change."""
    tz = ZoneInfo(zone)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    steps = [start + timedelta(hours=hour) for hour in range(365 * 24)]
    changes = [
        later
        for earlier, later in pairwise(steps)
        if earlier.astimezone(tz).utcoffset() != later.astimezone(tz).utcoffset()
    ]
    if not changes:
        return instants
    minutes = st.integers(-36 * 60, 36 * 60)
    return st.builds(lambda change, offset: change + timedelta(minutes=offset), st.sampled_from(changes), minutes)


zones_and_instants = st.sampled_from(ZONES).flatmap(
    lambda zone: st.tuples(st.just(zone), st.one_of(instants, near_a_clock_change(zone)))
)


def wall_clock_is_inside(opening: OpeningHours, zone: str, now: datetime) -> bool:
    """The plain reading: does what the clock on the wall shows lie in a range of today, or of yesterday's night?"""
    wall = now.astimezone(ZoneInfo(zone))
    minute = wall.hour * 60 + wall.minute
    yesterday = (wall.weekday() - 1) % 7
    return any(r.opens <= minute < r.closes for r in opening.days[wall.weekday()]) or any(
        minute + MINUTES_A_DAY < r.closes for r in opening.days[yesterday]
    )


def repeats_around(zone: str, now: datetime) -> bool:
    """Whether the clocks go back within a day of ``now``."""
    tz = ZoneInfo(zone)
    offsets = [(now + timedelta(hours=hour)).astimezone(tz).utcoffset() for hour in range(-24, 25)]
    return any(later < earlier for earlier, later in pairwise(offsets) if earlier and later)


@given(weeks, zones_and_instants)
def test_whenever_the_wall_clock_says_open_it_is_open(opening: OpeningHours, place: tuple[str, datetime]) -> None:
    zone, now = place
    if wall_clock_is_inside(opening, zone, now):
        assert is_open(opening, zone, now)
    elif not repeats_around(zone, now):
        assert not is_open(opening, zone, now)


@given(weeks, zones_and_instants)
def test_a_spell_is_open_from_its_first_to_its_last_instant(opening: OpeningHours, place: tuple[str, datetime]) -> None:
    zone, now = place
    spell = open_spell(opening, zone, now)
    if spell is None or spell.opens_at is None or spell.closes_at is None:
        return
    assert now < spell.closes_at
    assert spell.opens_at < spell.closes_at
    assert is_open(opening, zone, spell.opens_at)
    assert not is_open(opening, zone, spell.opens_at - timedelta(seconds=1))
    assert is_open(opening, zone, spell.closes_at - timedelta(seconds=1))
    assert not is_open(opening, zone, spell.closes_at)


@given(weeks)
def test_hours_survive_being_stored(opening: OpeningHours) -> None:
    assert OpeningHours.from_json(opening.to_json()) == opening


def test_every_weekday_is_named_as_the_calendar_counts() -> None:
    assert WEEKDAYS[date(2026, 1, 5).weekday()] == "mon"
