"""When a phone need not be waited for any more."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_api_testing.builders import PHONE_A, PHONE_B, START

from session_api.presence.domain import GONE_LIES_BACK, Sighting, absentees, heard_here

MOMENTS = st.none() | st.integers(0, 60)


def at(seconds: float | None) -> datetime | None:
    return None if seconds is None else START + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("connected", "gone", "polled", "present_until"),
    [
        pytest.param(None, None, 0, 30, id="a polling phone, for 30 s after its last request"),
        pytest.param(1, 25, 0, 35, id="a phone with a socket until it is gone, whatever it asked before"),
        pytest.param(1, 25, 15, 35, id="and whatever it asked while the socket was open"),
        pytest.param(1, 25, 16, 46, id="a phone that polls since its socket was lost, for 30 s after its last request"),
        pytest.param(9, 5, 0, None, id="a phone that came back is there however long it is silent"),
        pytest.param(9, None, None, None, id="a phone with a socket is there however long it is silent"),
    ],
)
def test_a_phone_is_present(
    connected: float | None, gone: float | None, polled: float | None, present_until: float | None
) -> None:
    def absent(seconds: float) -> bool:
        declared = gone is not None and gone + GONE_LIES_BACK.total_seconds() <= seconds
        sighting = Sighting(PHONE_B, at(connected), at(gone if declared else None), at(polled))
        return sighting.absent(START + timedelta(seconds=seconds))

    if present_until is None:
        assert not absent(86_400)
    else:
        assert not absent(present_until - 0.001)
        assert absent(present_until)


@given(connected=MOMENTS, gone=MOMENTS, polled=MOMENTS, now=st.integers(0, 60))
def test_a_phone_without_a_socket_is_present_exactly_as_long_as_it_polls(
    connected: float | None, gone: float | None, polled: float | None, now: int
) -> None:
    sighting = Sighting(PHONE_B, at(connected), at(gone), at(polled))
    instant = START + timedelta(seconds=now)
    if connected is not None and (gone is None or gone < connected):
        assert sighting.polls_until is None
        assert not sighting.absent(instant)
    else:
        assert sighting.absent(instant) == (sighting.polls_until is None or sighting.polls_until <= instant)
    assert sighting.polls_until in (None, at(None if polled is None else polled + 30))


def test_a_phone_never_heard_of_is_absent_once_it_has_had_its_place_for_thirty_seconds() -> None:
    seen = [Sighting(PHONE_A, START, None, None)]
    arrivals = {PHONE_A: START, PHONE_B: START + timedelta(seconds=60)}
    assert absentees(arrivals, seen, START + timedelta(seconds=89)) == frozenset()
    assert absentees(arrivals, seen, START + timedelta(seconds=90)) == {PHONE_B}


def test_a_request_heard_here_counts_before_it_is_written() -> None:
    stored = [Sighting(PHONE_A, None, None, at(0))]
    heard = heard_here(stored, {PHONE_A: START + timedelta(seconds=4), PHONE_B: START + timedelta(seconds=2)})
    assert heard == [Sighting(PHONE_A, None, None, at(4)), Sighting(PHONE_B, None, None, at(2))]
    assert heard_here(heard, {PHONE_A: START}) == heard
