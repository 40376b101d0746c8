"""Whether a session may begin at a table, and what the table offers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from session_api.sessions.domain.lifecycle import Lifetimes
from session_api.venues.domain import Offers, TableStatus, TableView, offers_of, service_day_at, status_of
from session_api.venues.handlers import refuse_unless_open
from session_api.venues.hours import OpeningHours
from twotop_common.service_defaults.problems import Problem

OPEN_AT = datetime(2026, 1, 9, 20, 0, tzinfo=UTC)
CLOSED_AT = datetime(2026, 1, 9, 10, 0, tzinfo=UTC)
OPENS = datetime(2026, 1, 9, 17, 0, tzinfo=UTC)
CLOSES = datetime(2026, 1, 10, 1, 0, tzinfo=UTC)

TABLE = TableView(
    tenant_id=uuid4(),
    location_id=uuid4(),
    location_slug="linden-berlin",
    location_name="Linden",
    timezone="Europe/Berlin",
    day_starts_at_hour=4,
    language="de",
    currency="EUR",
    hours=OpeningHours.from_json({"fri": ["18:00-02:00"]}),
    lifetimes=Lifetimes(),
    table_session_cap=10,
    table_id=uuid4(),
    table_number="1",
    zone=None,
    seats=2,
    token="token-of-table-1",
    enabled=True,
    qr_version=1,
)


def test_a_table_is_open_during_the_hours() -> None:
    assert status_of(TABLE, OPEN_AT) == TableStatus("open", OPENS, CLOSES)
    refuse_unless_open(TABLE, OPEN_AT)


def test_a_closed_table_says_when_it_opens() -> None:
    assert status_of(TABLE, CLOSED_AT) == TableStatus("closed", OPENS, CLOSES)
    with pytest.raises(Problem) as refused:
        refuse_unless_open(TABLE, CLOSED_AT)
    assert (refused.value.status, refused.value.code) == (403, "location_closed")
    assert refused.value.extra == {"opens_at": "2026-01-09T17:00:00Z"}


def test_a_table_opens_and_closes_at_the_exact_instant() -> None:
    assert status_of(TABLE, OPENS).status == "open"
    assert status_of(TABLE, CLOSES).status == "closed"


@pytest.mark.parametrize("now", [OPEN_AT, CLOSED_AT])
def test_a_disabled_table_is_disabled_at_any_hour(now: datetime) -> None:
    disabled = replace(TABLE, enabled=False)
    assert status_of(disabled, now).status == "disabled"
    with pytest.raises(Problem) as refused:
        refuse_unless_open(disabled, now)
    assert (refused.value.status, refused.value.code) == (423, "table_disabled")


@pytest.mark.parametrize(("enabled", "status"), [(True, "closed"), (False, "disabled")])
def test_a_location_without_hours_never_opens(enabled: bool, status: str) -> None:
    never = replace(TABLE, hours=OpeningHours.closed(), enabled=enabled)
    found = status_of(never, OPEN_AT)
    assert (found.status, found.opens_at, found.closes_at) == (status, None, None)
    with pytest.raises(Problem) as refused:
        refuse_unless_open(never, OPEN_AT)
    assert refused.value.extra == {}


def test_a_location_that_never_closes_has_no_times() -> None:
    always = replace(TABLE, hours=OpeningHours.always())
    assert status_of(always, OPEN_AT) == TableStatus("open", None, None)


def test_two_phones_are_offered_only_with_the_flag_on() -> None:
    assert offers_of(dual_enabled=True) == Offers(play=True, order=False, dual=True)
    assert offers_of(dual_enabled=False) == Offers(play=True, order=False, dual=False)


def test_the_service_day_lasts_until_the_cut_over_hour() -> None:
    assert service_day_at(TABLE, datetime(2026, 1, 10, 2, 59, tzinfo=UTC)) == date(2026, 1, 9)
    assert service_day_at(TABLE, datetime(2026, 1, 10, 3, 0, tzinfo=UTC)) == date(2026, 1, 10)
