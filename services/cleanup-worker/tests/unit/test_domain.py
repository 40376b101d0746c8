"""Which word about a deadline counts, in any order of arrival."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanup_worker.domain import (
    ASK_AGAIN_AFTER,
    CLOCK_DIFFERENCE,
    UNHEARD_OF,
    Kind,
    Standing,
    clear,
    command_for,
    end,
    set_due,
)
from twotop_common.contracts.cleanup_worker import ExpirePairing, ExpireSession

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
News = Callable[[Standing], Standing]


def asked(standing: Standing, now: datetime) -> Standing:
    return replace(standing, fires_at=now + ASK_AGAIN_AFTER, asked=standing.asked + 1)


def test_a_deadline_fires_when_the_owner_says_it_is_due() -> None:
    assert set_due(UNHEARD_OF, 1, NOON, NOON - timedelta(minutes=30)) == Standing(1, NOON, NOON)


def test_a_newer_position_wins_even_when_it_is_due_earlier() -> None:
    standing = set_due(UNHEARD_OF, 3, NOON, NOON)
    assert set_due(standing, 4, NOON - timedelta(hours=1), NOON).due_at == NOON - timedelta(hours=1)


def test_an_older_position_changes_nothing() -> None:
    standing = set_due(UNHEARD_OF, 3, NOON, NOON)
    assert set_due(standing, 2, NOON + timedelta(hours=1), NOON) == standing
    assert clear(standing, 2) == standing


def test_at_equal_positions_the_later_due_wins() -> None:
    standing = set_due(UNHEARD_OF, 3, NOON, NOON)
    later = set_due(standing, 3, NOON + TICK, NOON)
    assert later.due_at == later.fires_at == NOON + TICK
    assert set_due(later, 3, NOON, NOON) == later


def test_a_clearance_beats_the_due_time_of_its_own_generation_in_either_order() -> None:
    cleared = clear(set_due(UNHEARD_OF, 2, NOON, NOON), 2)
    assert cleared.due_at is None
    assert set_due(clear(UNHEARD_OF, 2), 2, NOON, NOON) == cleared


def test_a_clearance_of_a_newer_generation_clears_an_older_one() -> None:
    assert clear(set_due(UNHEARD_OF, 2, NOON, NOON), 3) == Standing(position=3)


def test_a_new_code_after_a_clearance_is_due_again() -> None:
    assert set_due(clear(UNHEARD_OF, 2), 3, NOON, NOON) == Standing(3, NOON, NOON)


def test_a_tombstone_is_never_revived() -> None:
    tombstone = end(set_due(UNHEARD_OF, 2, NOON, NOON))
    assert tombstone == Standing(position=2, ended=True)
    assert set_due(tombstone, 9, NOON, NOON) == tombstone
    assert clear(tombstone, 9) == tombstone
    assert end(tombstone) == tombstone


def test_a_later_deadline_makes_the_owner_unasked_again() -> None:
    standing = asked(set_due(UNHEARD_OF, 3, NOON, NOON), NOON)
    answered = set_due(standing, 3, NOON + timedelta(minutes=5), NOON)
    assert (answered.asked, answered.fires_at) == (0, NOON + timedelta(minutes=5))


def test_a_repeated_due_time_that_was_not_asked_about_yet_changes_nothing() -> None:
    standing = set_due(UNHEARD_OF, 3, NOON, NOON - timedelta(hours=1))
    assert set_due(standing, 3, NOON, NOON - timedelta(minutes=1)) == standing


def test_an_owner_whose_clock_is_behind_is_asked_again_within_a_second() -> None:
    standing = asked(set_due(UNHEARD_OF, 3, NOON, NOON), NOON)
    answered = set_due(standing, 3, NOON, NOON + TICK)
    assert answered == replace(standing, fires_at=NOON + TICK + CLOCK_DIFFERENCE)


def test_a_repetition_never_puts_the_next_question_off() -> None:
    standing = asked(set_due(UNHEARD_OF, 3, NOON, NOON), NOON)
    late = NOON + ASK_AGAIN_AFTER - TICK
    assert set_due(standing, 3, NOON, late).fires_at == standing.fires_at


def test_commands_carry_what_the_owner_set() -> None:
    session_id = uuid4()
    assert command_for(session_id, Kind.SESSION, 7, NOON) == ExpireSession(session_id=session_id, due_at=NOON)
    assert command_for(session_id, Kind.PAIRING, 2, NOON) == ExpirePairing(
        session_id=session_id, generation=2, due_at=NOON
    )


def setting(position: int, minutes: int) -> News:
    return lambda standing: set_due(standing, position, NOON + timedelta(minutes=minutes), NOON)


def clearing(position: int) -> News:
    return lambda standing: clear(standing, position)


POSITIONS = st.integers(min_value=1, max_value=4)
NEWS = st.one_of(
    st.builds(setting, POSITIONS, st.integers(min_value=0, max_value=5)),
    st.builds(clearing, POSITIONS),
    st.just(end),
)


@given(st.lists(NEWS, max_size=7).flatmap(lambda news: st.tuples(st.just(news), st.permutations(news))))
def test_the_order_and_number_of_arrivals_do_not_matter(orders: tuple[list[News], list[News]]) -> None:
    first, second = UNHEARD_OF, UNHEARD_OF
    for news in orders[0]:
        first = news(first)
    for news in orders[1] + orders[1][:2]:
        second = news(second)
    if first.ended or second.ended:
        assert (first.ended, first.fires_at) == (second.ended, second.fires_at)
    else:
        assert first == second


@pytest.mark.parametrize("kind", list(Kind))
def test_kinds_are_named_as_in_the_table(kind: Kind) -> None:
    assert Kind(kind.value) is kind
