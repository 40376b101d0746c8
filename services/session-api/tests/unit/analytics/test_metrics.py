"""What committed events add to the metrics of the game."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from session_api_testing.builders import PHONE_A, PHONE_B, START, new_session, paired
from session_api_testing.shelves import TestShelf

from session_api.analytics.metrics import count_play, tell_tables
from session_api.analytics.queries import TablesAlike
from session_api.play.domain.commands import ChooseContext, ReleaseWishes, RequestNext, SetReady, Skip, StartAfresh
from session_api.sessions.domain.commands import AdmitPartner, Command
from session_api.sessions.domain.decider import decide, evolve, record
from session_api.sessions.domain.events import SYSTEM
from session_api.sessions.domain.state import SessionState

SIZE = 2


class Table:
    """A session whose every change is counted, as the log does after each commit."""

    def __init__(self, state: SessionState) -> None:
        self.state = state
        self.shelf = TestShelf(size=SIZE)

    def run(
        self,
        command: Command,
        actor: UUID | None = None,
        *,
        at: datetime = START,
    ) -> None:
        decided = decide(self.state, command, actor, shelf=self.shelf)
        recorded = record(self.state, decided, at, SYSTEM if actor is None else str(actor), None)
        after = self.state
        for entry in recorded:
            after = evolve(after, entry)
        count_play(self.state, recorded, after)
        self.state = after


class Counted:
    """What a metric has risen by since the test began."""

    def __init__(self) -> None:
        self._before = dict(self._samples())

    def __call__(self, name: str, **labels: str) -> float:
        key = (name, *sorted(labels.items()))
        return dict(self._samples()).get(key, 0.0) - self._before.get(key, 0.0)

    @staticmethod
    def _samples() -> Iterator[tuple[tuple[object, ...], float]]:
        for metric in REGISTRY.collect():
            for sample in metric.samples:
                yield (sample.name, *sorted(sample.labels.items())), sample.value


@pytest.fixture
def counted() -> Counted:
    return Counted()


def begun() -> Table:
    table = Table(paired())
    for phone in (PHONE_A, PHONE_B):
        table.run(SetReady(True), phone)
    return table


def test_questions_are_counted_by_context_and_mode(counted: Counted) -> None:
    begun()
    alone = Table(new_session("single", "established"))
    alone.run(RequestNext(), PHONE_A)
    assert counted("twotop_questions_shown_total", context="exploring", mode="dual") == 1
    assert counted("twotop_questions_shown_total", context="established", mode="single") == 1


def test_moves_are_counted_once_both_agree_and_apart_when_one_decides_alone(counted: Counted) -> None:
    table = begun()
    table.run(Skip(), PHONE_A)
    assert counted("twotop_question_moves_total", direction="skip", alone="false") == 0
    table.run(Skip(), PHONE_B)
    assert counted("twotop_question_moves_total", direction="skip", alone="false") == 1
    table.run(RequestNext(), PHONE_A)
    table.run(ReleaseWishes(frozenset({PHONE_B})))
    assert counted("twotop_question_moves_total", direction="next", alone="true") == 1


def test_a_wish_is_released_when_time_fulfils_it_and_not_when_a_guest_does(counted: Counted) -> None:
    table = begun()
    table.run(RequestNext(), PHONE_A)
    table.run(RequestNext(), PHONE_B)
    assert counted("twotop_wishes_released_total") == 0
    table.run(StartAfresh(), PHONE_A)
    table.run(ReleaseWishes(frozenset({PHONE_B})))
    assert counted("twotop_wishes_released_total") == 1
    table.run(ReleaseWishes(frozenset({PHONE_B})))
    assert counted("twotop_wishes_released_total") == 1


def test_a_deck_is_finished_once_however_often_its_end_is_looked_at(counted: Counted) -> None:
    table = Table(new_session("single", "exploring"))
    for _ in range(SIZE + 1):
        table.run(RequestNext(), PHONE_A)
    table.run(ChooseContext("established"), PHONE_A)
    table.run(ChooseContext("exploring"), PHONE_A)
    assert counted("twotop_decks_finished_total", context="exploring") == 1


def test_readiness_is_timed_from_the_second_phones_joining(counted: Counted) -> None:
    table = Table(new_session("dual", "exploring"))
    table.run(AdmitPartner(PHONE_B, 1, 1), at=START + timedelta(minutes=3))
    table.run(SetReady(True), PHONE_A, at=START + timedelta(minutes=3, seconds=5))
    table.run(SetReady(True), PHONE_B, at=START + timedelta(minutes=3, seconds=20))
    assert counted("twotop_both_ready_seconds_count") == 1
    assert counted("twotop_both_ready_seconds_sum") == pytest.approx(20)


def test_who_begins_without_an_absent_partner_is_no_measure_of_how_long_couples_need(counted: Counted) -> None:
    table = Table(paired())
    table.run(SetReady(True), PHONE_A)
    table.run(ReleaseWishes(frozenset({PHONE_B})))
    assert table.state.play.both_ready
    assert counted("twotop_both_ready_seconds_count") == 0


def test_full_tables_are_told_until_they_are_full_no_more() -> None:
    def told(name: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(name, labels)

    tell_tables(
        [TablesAlike(0, False, 5), TablesAlike(2, True, 1), TablesAlike(10, True, 2), TablesAlike(40, False, 1)]
    )
    assert [told("twotop_tables", live_sessions=live) for live in ("0", "1", "2", "10+")] == [5, 0, 1, 3]
    assert told("twotop_tables_at_cap") == 3
    tell_tables([TablesAlike(0, False, 9)])
    assert [told("twotop_tables", live_sessions=live) for live in ("0", "2", "10+")] == [9, 0, 0]
    assert told("twotop_tables_at_cap") == 0
