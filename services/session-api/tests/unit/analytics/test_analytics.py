"""The log's events become rows that lead back to nobody."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from session_api.analytics.domain import AnalyticsRecord, analytics_of
from session_api.play.domain.decks import Context
from session_api.play.domain.events import (
    AnswerGiven,
    BothReady,
    ContextChosen,
    DeckFinished,
    MatureOptedIn,
    NextRequested,
    QuestionAdvanced,
    QuestionShown,
    ReadyChanged,
)
from session_api.play.domain.state import PlayState, Progress
from session_api.sessions.domain.events import (
    CredentialRenewed,
    Event,
    ModeChanged,
    PairingCodeReplaced,
    PairingExpired,
    ParticipantLeft,
    PartnerJoined,
    Recorded,
    SessionClosed,
    SessionCreated,
    SessionExpired,
)
from session_api.sessions.domain.lifecycle import Lifetimes
from session_api.sessions.domain.state import Participant, SessionState

BORN = datetime(2026, 1, 9, 20, 0, tzinfo=UTC)
A, B = uuid4(), uuid4()
STATE = SessionState(
    session_id=uuid4(),
    location_id=uuid4(),
    table_id=uuid4(),
    table_number="7",
    mode="dual",
    state="browsing",
    dual_status="paired",
    language="en",
    service_day="2026-01-09",
    lifetimes=Lifetimes(),
    created_at=BORN,
    updated_at=BORN,
    last_seq=4,
    members=(Participant(A, "A", 1, nickname="Bea"), Participant(B, "B", 1)),
    play=PlayState(context="established"),
)
CREATED = SessionCreated(
    session_id=STATE.session_id,
    location_id=STATE.location_id,
    table_id=STATE.table_id,
    table_number="7",
    mode="dual",
    context=None,
    language="en",
    participant_id=A,
    role="A",
    nickname="Bea",
    service_day=date(2026, 1, 9),
    lifetimes=Lifetimes(),
    pairing_expires_at=BORN,
)


def recorded(*events: Event, after_s: float = 90.9) -> list[Recorded]:
    at = BORN + timedelta(seconds=after_s)
    return [Recorded(seq, event, at, by=str(A), command_id=f"key-{seq}") for seq, event in enumerate(events, 1)]


@pytest.mark.parametrize(
    ("event", "kind", "reason"),
    [
        (CREATED, "session_created", None),
        (PartnerJoined(B, "B", 1, 1, None), "partner_joined", None),
        (BothReady(), "both_ready", None),
        (QuestionShown("lost-key", 3, 64, "established", 1, 1), "question_viewed", None),
        (QuestionAdvanced("lost-key", "next", alone=False), "question_advanced", "next"),
        (QuestionAdvanced("lost-key", "skip", alone=True), "question_advanced", "skip_alone"),
        (SessionClosed("ended_by_guest"), "session_ended", "ended_by_guest"),
        (SessionExpired("idle"), "session_ended", "idle"),
    ],
)
def test_milestones_become_records(event: Event, kind: str, reason: str | None) -> None:
    [record] = analytics_of(STATE.play, recorded(event), STATE)
    assert asdict(record) == {
        "kind": kind,
        "location_id": STATE.location_id,
        "service_day": date(2026, 1, 9),
        "mode": "dual",
        "context": "established",
        "reason": reason,
        "duration_s": 120,
        "count": 2,
    }


@pytest.mark.parametrize(
    "event",
    [
        ContextChosen("mature"),
        MatureOptedIn(A),
        ReadyChanged(A, True),
        NextRequested(A, "next"),
        AnswerGiven(A, "lost-key", "under the mat"),
        DeckFinished("established", 1, 64),
        ParticipantLeft(B, "B"),
        CredentialRenewed(A, 2),
        ModeChanged("single"),
        PairingCodeReplaced(2, BORN),
        PairingExpired(1, "expired"),
    ],
)
def test_everything_else_leaves_no_trace(event: Event) -> None:
    assert analytics_of(STATE.play, recorded(event), STATE) == []


def test_one_command_can_have_several_milestones() -> None:
    kinds = [record.kind for record in analytics_of(STATE.play, recorded(ReadyChanged(B, True), BothReady()), STATE)]
    assert kinds == ["both_ready"]
    turned = [QuestionAdvanced("lost-key", "next", alone=False), QuestionShown("sea", 4, 64, "established", 1, 1)]
    kinds = [record.kind for record in analytics_of(STATE.play, recorded(*turned), STATE)]
    assert kinds == ["question_advanced", "question_viewed"]


@pytest.mark.parametrize(
    ("position", "round_", "context", "counted"),
    [
        (2, 1, "established", False),
        (3, 1, "established", False),
        (4, 1, "established", True),
        (1, 2, "established", True),
        (1, 1, "mature", True),
    ],
)
def test_a_question_is_counted_once_in_a_round(position: int, round_: int, context: Context, counted: bool) -> None:
    deck = Progress("established", 1, 1, 2, 64, question_id="sea", furthest=3)
    before = PlayState(context="established", decks=(deck,))
    shown = QuestionShown("any", position, 64, context, 1, round_)
    assert [one.kind for one in analytics_of(before, recorded(shown), STATE)] == ["question_viewed"] * counted


def test_a_record_holds_no_identity_of_session_table_or_participant() -> None:
    record = analytics_of(STATE.play, recorded(CREATED, SessionClosed("ended_by_guest")), STATE)
    values = {value for entry in record for value in asdict(entry).values()}
    identities: set[Any] = {STATE.session_id, STATE.table_id, "7", A, B, "Bea", BORN, str(A)}
    assert values.isdisjoint(identities)
    assert {field.name for field in fields(AnalyticsRecord)}.isdisjoint(
        {"session_id", "table_id", "participant_id", "at"}
    )


@pytest.mark.parametrize(("age_s", "kept_s"), [(0, 0), (29, 0), (31, 60), (89, 60), (91, 120), (3_629, 3_600)])
def test_a_duration_is_kept_to_the_nearest_minute_only(age_s: float, kept_s: int) -> None:
    [record] = analytics_of(STATE.play, recorded(BothReady(), after_s=age_s), STATE)
    assert record.duration_s == kept_s


def test_a_duration_is_never_negative() -> None:
    [record] = analytics_of(STATE.play, recorded(BothReady(), after_s=-5), replace(STATE))
    assert record.duration_s == 0
