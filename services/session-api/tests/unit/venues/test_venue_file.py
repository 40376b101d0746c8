"""Venue files: what is understood, and how every fault is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from session_api.venues.errors import VenueFileInvalid
from session_api.venues.hours import OpeningHours
from session_api.venues.venue_file import VenueFile, read_venue_file

DEMO = Path(__file__).parents[5] / "deploy" / "demo" / "restaurant.yaml"

HEAD = """\
tenant: {slug: acme, name: Acme}
locations:
  - slug: one
    name: One
    timezone: Europe/Berlin
    language: de
    currency: EUR
"""
TABLES = """\
    tables:
      - {number: 1}
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "venues.yaml"


def read(path: Path, text: str) -> VenueFile:
    path.write_text(text, encoding="utf-8")
    return read_venue_file(path)


def faults(path: Path, text: str) -> list[str]:
    with pytest.raises(VenueFileInvalid) as invalid:
        read(path, text)
    return [fault.removeprefix(f"{path}:") for fault in invalid.value.faults]


def test_what_is_not_given_has_the_documented_default(written: Path) -> None:
    location = read(written, HEAD + "    hours: {}\n" + TABLES).locations[0]
    assert (location.day_starts_at_hour, location.table_session_cap) == (4, 10)
    assert location.lifetimes.model_dump(exclude_none=True) == {}
    assert location.hours == OpeningHours.closed()
    table = location.tables[0]
    assert (table.number, table.token, table.enabled) == ("1", None, None)


def test_days_are_named_alone_in_spans_or_all_at_once(written: Path) -> None:
    spans = '    hours: {"fri-mon": ["10:00-12:00"], wed: ["18:00-01:00", "11:00-12:00"]}\n'
    assert read(written, HEAD + spans + TABLES).locations[0].hours.to_json() == {
        "mon": ["10:00-12:00"],
        "wed": ["11:00-12:00", "18:00-01:00"],
        "fri": ["10:00-12:00"],
        "sat": ["10:00-12:00"],
        "sun": ["10:00-12:00"],
    }
    daily = read(written, HEAD + '    hours: {daily: ["00:00-24:00"]}\n' + TABLES)
    assert daily.locations[0].hours == OpeningHours.always()


@pytest.mark.parametrize(
    ("hours", "reason"),
    [
        ("{moon: []}", "'moon' is no weekday"),
        ('{mon: "10:00-12:00"}', "ranges are a list"),
        ('{mon: ["10:00-10:00"]}', "begins and ends at one time"),
        ('{mon: [], "sat-tue": []}', "mon is given twice"),
        ("[]", "must name weekdays"),
    ],
)
def test_bad_hours_are_told_with_their_line(written: Path, hours: str, reason: str) -> None:
    [fault] = faults(written, HEAD + f"    hours: {hours}\n" + TABLES)
    assert fault.startswith("8: locations.0.hours: ")
    assert reason in fault


def test_every_fault_is_told_at_once_in_the_order_of_the_file(written: Path) -> None:
    text = (
        HEAD.replace("Europe/Berlin", "Europe/Bielefeld").replace("EUR", "Euro")
        + "    hours: {}\n    lifetime: {}\n    tables:\n      - {number: 1}\n      - {seats: 0}\n"
    )
    found = faults(written, text)
    assert [fault.split(":")[0] for fault in found] == ["5", "7", "9", "12", "12"]
    assert "no IANA time zone" in found[0]
    assert "locations.0.lifetime: " in found[2]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD + "    hours: {}\n    tables: [{number: true}]\n", "valid string"),
        (HEAD + "    hours: {}\n    tables: [{number: 1, token: 'a b c d e f'}]\n", "pattern"),
        (HEAD + '    hours: {}\n    tables: [{number: "1\\n2"}]\n', "printable"),
        (HEAD + "    hours: {}\n    tables: []\n", "at least 1"),
        ("", "valid dictionary"),
        ("[1, 2]", "valid dictionary"),
        ("tenant: {slug: a, slug: b}", "slug is given twice"),
        ("tenant: [", "node content"),
        ("a: \x00", "1: has the character U+0000"),
        (HEAD.replace("name: One", "name: 'One '") + "    hours: {}\n" + TABLES, "4: locations.0.name: must not begin"),
        (HEAD + f"    hours: {{}}\n    tables: [{{number: 0x{'f' * 5000}}}]\n", "tables.0.number: "),
    ],
)
def test_what_cannot_be_imported_is_refused_with_a_reason(written: Path, text: str, reason: str) -> None:
    assert reason in " ".join(faults(written, text))


def test_what_must_differ_is_told_with_the_line_of_the_second_also_beside_other_faults(written: Path) -> None:
    one = (
        "    hours: {}\n    tables:\n      - {number: 1, token: same-token}\n      - {number: '1', token: same-token}\n"
    )
    other = HEAD[HEAD.index("  - slug:") :].replace("EUR", "Euro")
    text = HEAD + one + other + "    hours: {}\n    tables: [{number: 1, token: same-token}]\n"
    assert faults(written, text) == [
        "11: locations.0.tables.1.number: table number given twice: 1",
        "11: locations.0.tables.1.token: table token given twice: same-token",
        "12: locations.1.slug: location slug given twice: one",
        "16: locations.1.currency: String should match pattern '^[A-Z]{3}$'",
        "18: locations.1.tables.0.token: table token given twice: same-token",
    ]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(VenueFileInvalid, match="No such file"):
        read_venue_file(tmp_path / "missing.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"tenant: caf\xe9")
    with pytest.raises(VenueFileInvalid, match=r"latin\.yaml:1: is not UTF-8 text"):
        read_venue_file(latin)


def test_the_demo_restaurant_has_what_a_visitor_should_try() -> None:
    locations = read_venue_file(DEMO).locations
    assert locations[0].hours == OpeningHours.always()
    assert len({location.timezone for location in locations}) >= 2
    assert any(r.closes > 24 * 60 for location in locations for day in location.hours.days for r in day)
    assert OpeningHours.closed() in [location.hours for location in locations]
    tables = [table for location in locations for table in location.tables]
    assert len(tables) >= 12
    assert [table.enabled for table in tables].count(False) == 1
