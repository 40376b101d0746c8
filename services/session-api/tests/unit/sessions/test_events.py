"""Events keep for ever: through JSON and back, and through changes of shape."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from session_api_testing.builders import PHONE_A, PHONE_B, START, created, paired

from session_api.play.domain import events as play
from session_api.sessions.domain import events as e
from session_api.sessions.domain.state import from_document, to_document
from session_api.sessions.domain.views import view_event, view_state

ONE_OF_EACH: list[e.Event] = [
    created().event,
    play.ContextChosen("mature"),
    play.MatureOptedIn(PHONE_A),
    e.PartnerJoined(PHONE_B, "B", 1, 1, None),
    e.ParticipantLeft(PHONE_B, "B"),
    e.CredentialRenewed(PHONE_A, 2),
    play.ReadyChanged(PHONE_A, True),
    play.BothReady(),
    play.QuestionShown("lost-key", 3, 60, "exploring", 2, 1),
    play.NextRequested(PHONE_A, "skip"),
    play.NextWithdrawn(PHONE_A),
    play.QuestionAdvanced("lost-key", "next", alone=False),
    play.HintRevealed("lost-key"),
    play.AnswerGiven(PHONE_A, "lost-key", "the one to the garden"),
    play.AnswersRevealed("lost-key", (play.Answer(PHONE_A, "the one to the garden"), play.Answer(PHONE_B, "none"))),
    play.DeckFinished("exploring", 1, 60),
    play.ChangeRequested(PHONE_A, "context", "established"),
    play.ChangeWithdrawn(PHONE_A),
    play.StartedAfresh("exploring", 2),
    e.ModeChanged("single"),
    e.PairingCodeReplaced(2, START + timedelta(minutes=5)),
    e.PairingExpired(1, "withdrawn"),
    e.SessionClosed("ended_by_guest"),
    e.SessionExpired("idle"),
]


def test_there_is_one_of_each() -> None:
    assert {type(event) for event in ONE_OF_EACH} == set(e.EVENT_TYPES.values())


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: e.TYPE_NAMES[type(event)])
def test_events_survive_storage(event: e.Event) -> None:
    name = e.TYPE_NAMES[type(event)]
    assert e.from_json(name, e.event_version(name), e.to_json(event)) == event
    assert e.from_data(name, e.event_version(name), e.to_data(event)) == event


def test_events_of_a_newer_program_are_not_guessed_at() -> None:
    with pytest.raises(e.UnknownEvent):
        e.from_json("table_set_on_fire", 1, "{}")
    with pytest.raises(e.UnknownEvent):
        e.from_json("mode_changed", 2, '{"mode": "single"}')


def test_old_shapes_are_brought_up_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def named(data: dict[str, Any]) -> dict[str, Any]:
        return {"kind": data["m"]}

    def renamed(data: dict[str, Any]) -> dict[str, Any]:
        return {"mode": data["kind"]}

    monkeypatch.setitem(e.EVENT_VERSIONS, "mode_changed", 3)
    monkeypatch.setitem(e.UPCASTERS, ("mode_changed", 1), named)
    monkeypatch.setitem(e.UPCASTERS, ("mode_changed", 2), renamed)
    assert e.from_json("mode_changed", 1, '{"m": "dual"}') == e.ModeChanged("dual")
    assert e.from_json("mode_changed", 2, '{"kind": "single"}') == e.ModeChanged("single")


def test_the_state_survives_storage() -> None:
    state = paired("mature")
    assert from_document(to_document(state)) == state


def test_phones_do_not_see_what_only_the_house_needs() -> None:
    assert "lifetimes" not in view_event(created()).data
    assert "lifetimes" not in view_state(paired(), PHONE_A)
