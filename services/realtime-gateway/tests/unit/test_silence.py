"""When a phone is asked whether it is still there, and when its silence means that it is not."""

from __future__ import annotations

import pytest

from realtime_gateway.domain.silence import Judgement, Line, Patience, silence_limit_s

PATIENCE = Patience(silence_s=55, ask_after_s=5, answer_within_s=8)
EVENT = 300


def test_two_missed_heartbeats_are_silence() -> None:
    assert 50 < silence_limit_s(25) < 60


def test_a_phone_that_is_sent_nothing_is_never_asked_and_lost_after_two_missed_heartbeats() -> None:
    line = Line(heard_at=100)
    assert {line.judge(100 + second, PATIENCE) for second in range(56)} == {Judgement.FINE}
    assert line.judge(155.1, PATIENCE) is Judgement.LOST


@pytest.mark.parametrize(("told_at", "asked_at"), [(101, 105), (104, 105), (105, 106), (140, 141)])
def test_a_phone_that_is_sent_something_is_asked_once_it_has_been_silent_for_a_few_seconds(
    told_at: float, asked_at: float
) -> None:
    line = Line(heard_at=100)
    line.tell(told_at, EVENT)
    assert line.judge(asked_at - 1, PATIENCE) is Judgement.FINE
    assert line.judge(asked_at, PATIENCE) is Judgement.ASK


def test_a_phone_that_does_not_answer_is_lost_and_what_it_is_sent_meanwhile_gives_it_no_more_time() -> None:
    line = Line(heard_at=100)
    line.tell(110, EVENT)
    line.ask(111, PATIENCE)
    for second in range(112, 120):
        line.tell(second, EVENT)
        assert line.judge(second, PATIENCE) is Judgement.FINE
    assert line.judge(119.1, PATIENCE) is Judgement.LOST


@pytest.mark.parametrize("answer_s", [0.15, 3, 7.9])
def test_a_phone_that_answers_in_time_is_there_and_asked_again_only_about_what_it_is_sent_then(
    answer_s: float,
) -> None:
    line = Line(heard_at=100)
    line.tell(110, EVENT)
    line.ask(110, PATIENCE)
    line.hear(110 + answer_s)
    assert {line.judge(second, PATIENCE) for second in range(118, 160)} == {Judgement.FINE}
    line.tell(160, EVENT)
    assert line.judge(161, PATIENCE) is Judgement.ASK


def test_a_phone_that_its_partner_waits_for_is_asked_again_and_again() -> None:
    line = Line(heard_at=100)
    for answered_at in (106, 112, 118):
        asked_at = line.heard_at + 5
        assert line.judge(asked_at - 1, PATIENCE, awaited=True) is Judgement.FINE
        assert line.judge(asked_at, PATIENCE, awaited=True) is Judgement.ASK
        line.ask(asked_at, PATIENCE)
        line.hear(answered_at)
    assert line.judge(123, PATIENCE) is Judgement.FINE


def test_a_phone_that_talks_is_not_asked() -> None:
    line = Line(heard_at=100)
    for second in range(100, 130, 4):
        line.hear(second)
        line.tell(second + 1, EVENT)
        assert line.judge(second + 3.9, PATIENCE) is Judgement.FINE


def test_a_megabyte_on_its_way_to_a_slow_phone_is_no_silence() -> None:
    """At 400 kbit/s it takes 21 s, all of which may lie in buffers of the kernel and of nginx."""
    line = Line(heard_at=100)
    line.tell(100, 1024 * 1024)
    assert {line.judge(second, PATIENCE) for second in range(100, 122)} == {Judgement.FINE}
    line.hear(122)
    asked = [second for second in range(122, 177) if line.judge(second, PATIENCE) is Judgement.ASK]
    assert asked[0] > 150
    line.ask(asked[0], PATIENCE)
    line.hear(asked[0] + 1)
    assert line.judge(asked[0] + 20, PATIENCE) is Judgement.FINE
