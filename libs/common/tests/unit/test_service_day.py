"""Service days over time zones and clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twotop_common.service_day import service_day, service_day_end

START = datetime(2022, 1, 1, tzinfo=UTC)
ZONES = [
    "UTC",
    "Asia/Ho_Chi_Minh",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "America/Havana",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "Pacific/Auckland",
    "America/St_Johns",
]
instants = st.timedeltas(timedelta(0), timedelta(days=3_000)).map(lambda after: START + after)


@pytest.mark.parametrize(
    ("local", "hour", "day"),
    [
        ("2026-03-14T03:59:59", 4, date(2026, 3, 13)),
        ("2026-03-14T04:00:00", 4, date(2026, 3, 14)),
        ("2026-03-14T23:59:59", 4, date(2026, 3, 14)),
        ("2026-03-15T00:30:00", 4, date(2026, 3, 14)),
        ("2026-03-15T00:00:00", 0, date(2026, 3, 15)),
    ],
)
def test_a_service_day_begins_at_its_hour(local: str, hour: int, day: date) -> None:
    at = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
    assert service_day(at, "Asia/Ho_Chi_Minh", hour) == day
    assert service_day(at.astimezone(UTC), "Asia/Ho_Chi_Minh", hour) == day


def test_it_ends_when_clocks_spring_over_its_hour() -> None:
    at = datetime(2026, 3, 28, 20, tzinfo=ZoneInfo("Europe/Berlin"))
    assert service_day_end(at, "Europe/Berlin", 2) == datetime(2026, 3, 29, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "begins", "ends", "hours"),
    [
        (date(2026, 3, 28), "2026-03-28T03:00", "2026-03-29T02:00", 23),
        (date(2026, 10, 24), "2026-10-24T02:00", "2026-10-25T03:00", 25),
    ],
)
def test_the_day_on_which_clocks_change_is_an_hour_shorter_or_longer(
    day: date, begins: str, ends: str, hours: int
) -> None:
    first, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (begins, ends))
    within = [first + timedelta(minutes=minutes) for minutes in range(hours * 60)]
    assert {service_day(at, "Europe/Berlin", 4) for at in within} == {day}
    assert {service_day_end(at, "Europe/Berlin", 4) for at in within} == {end}
    assert service_day(first - timedelta(microseconds=1), "Europe/Berlin", 4) == day - timedelta(days=1)
    assert service_day(end, "Europe/Berlin", 4) == day + timedelta(days=1)


def test_a_cut_over_in_the_hour_that_comes_twice_happens_once() -> None:
    before = datetime(2026, 10, 24, 20, tzinfo=ZoneInfo("Europe/Berlin"))
    end = service_day_end(before, "Europe/Berlin", 2)
    assert end == datetime(2026, 10, 25, 0, tzinfo=UTC)
    twice = [end + timedelta(minutes=minutes) for minutes in range(120)]
    assert {service_day(at, "Europe/Berlin", 2) for at in twice} == {date(2026, 10, 25)}


@given(instants, st.sampled_from(ZONES), st.integers(0, 23))
def test_every_instant_has_one_day_and_the_days_follow_each_other(at: datetime, zone: str, hour: int) -> None:
    day = service_day(at, zone, hour)
    end = service_day_end(at, zone, hour)
    assert at < end
    assert end - at <= timedelta(hours=26)
    assert service_day(end, zone, hour) == day + timedelta(days=1)
    assert service_day(end - timedelta(microseconds=1), zone, hour) == day
