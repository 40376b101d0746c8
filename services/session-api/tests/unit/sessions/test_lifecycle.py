"""Moves between states and the limits of a session's life."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_api.sessions.domain.lifecycle import (
    ENDED,
    MOVES,
    Lifecycle,
    Lifetimes,
    MoveRefused,
    end_at_limit,
    move,
    next_limit,
)

START = datetime(2026, 5, 2, 19, 0, tzinfo=UTC)
ALLOWED = """
pending→browsing|closed|expired; browsing→cart_active|closed|expired; cart_active→order_placed|browsing|closed|expired;
order_placed→awaiting_payment|payment_completed|cart_active|closed; awaiting_payment→payment_completed|closed;
payment_completed→closed
"""
STATES: tuple[Lifecycle, ...] = get_args(Lifecycle)


def allowed_by_the_book() -> set[tuple[str, str]]:
    pairs = set()
    for rule in ALLOWED.replace("\n", "").split(";"):
        source, _, targets = rule.strip().partition("→")
        pairs |= {(source, target) for target in targets.split("|")}
    return pairs


@pytest.mark.parametrize("source", STATES)
@pytest.mark.parametrize("target", STATES)
def test_exactly_the_moves_of_the_book_are_allowed(source: Lifecycle, target: Lifecycle) -> None:
    if (source, target) in allowed_by_the_book():
        assert move(source, target) == target
    else:
        with pytest.raises(MoveRefused) as refused:
            move(source, target)
        assert (refused.value.source, refused.value.target) == (source, target)


def test_every_state_has_its_moves_and_ended_is_ended() -> None:
    assert set(MOVES) == set(STATES)
    assert all(not MOVES[state] for state in ENDED)


@pytest.mark.parametrize(
    ("state", "idle", "name"),
    [
        ("pending", timedelta(minutes=30), "pending"),
        ("browsing", timedelta(minutes=90), "idle"),
        ("cart_active", timedelta(minutes=90), "idle"),
        ("payment_completed", timedelta(minutes=10), "paid_idle"),
    ],
)
def test_activity_moves_the_idle_limit_and_never_the_absolute_one(state: Lifecycle, idle: timedelta, name: str) -> None:
    def due(active_at: datetime) -> tuple[datetime, str]:
        limit = next_limit(state, Lifetimes(), created_at=START, active_at=active_at, pairing_ended_at=None)
        return limit.at, limit.limit

    assert due(START) == (START + idle, name)
    assert due(START + timedelta(hours=1)) == (START + timedelta(hours=1) + idle, name)
    assert due(START + timedelta(hours=23, minutes=59)) == (START + timedelta(hours=24), "absolute")


@pytest.mark.parametrize("state", ["order_placed", "awaiting_payment"])
def test_unpaid_orders_end_only_at_the_absolute_limit(state: Lifecycle) -> None:
    limit = next_limit(state, Lifetimes(), created_at=START, active_at=START, pairing_ended_at=None)
    assert (limit.at, limit.limit) == (START + timedelta(hours=24), "absolute")
    assert end_at_limit(state) == "closed"


def test_a_code_that_ran_out_leaves_its_owner_five_minutes() -> None:
    ended = START + timedelta(minutes=10)
    limit = next_limit("pending", Lifetimes(), created_at=START, active_at=START, pairing_ended_at=ended)
    assert (limit.at, limit.limit) == (START + timedelta(minutes=15), "pairing")


def test_states_that_cannot_expire_close() -> None:
    assert {state: end_at_limit(state) for state in STATES if state not in ENDED} == {
        "pending": "expired",
        "browsing": "expired",
        "cart_active": "expired",
        "order_placed": "closed",
        "awaiting_payment": "closed",
        "payment_completed": "closed",
    }


@given(
    state=st.sampled_from([state for state in STATES if state not in ENDED]),
    first=st.integers(0, 90_000),
    later=st.integers(0, 90_000),
)
def test_more_activity_never_brings_the_end_nearer(state: Lifecycle, first: int, later: int) -> None:
    first, later = sorted((first, later))

    def due(seconds: int) -> datetime:
        active_at = START + timedelta(seconds=seconds)
        return next_limit(state, Lifetimes(), created_at=START, active_at=active_at, pairing_ended_at=None).at

    assert due(first) <= due(later) <= START + timedelta(hours=24)
