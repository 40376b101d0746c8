"""What the other services are told."""

from __future__ import annotations

from datetime import datetime, timedelta

from session_api_testing.builders import PHONE_A, PHONE_B, START, new_session, paired

from session_api.sessions.domain import commands as c
from session_api.sessions.domain.decider import decide, evolve, record
from session_api.sessions.domain.facts import facts_of
from session_api.sessions.domain.state import SessionState
from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.session_api import DeadlineSet, ParticipantRenewed, SessionEnded


def told(state: SessionState, command: c.Command, now: datetime, by_a: bool = False) -> list[Contract]:
    recorded = record(state, decide(state, command, PHONE_A if by_a else None), now, "system", None)
    after = state
    for entry in recorded:
        after = evolve(after, entry)
    return facts_of(state, START, recorded, after, now)


def test_a_nearer_deadline_is_announced_and_a_later_one_is_not() -> None:
    ended = START + timedelta(minutes=10)
    state = new_session()
    assert told(state, c.EndPairingCode(1, "expired"), ended) == [
        DeadlineSet(session_id=state.session_id, seq=2, due_at=ended + timedelta(minutes=5))
    ]
    assert told(state, c.ReplacePairingCode(2, ended), ended) == []


def test_an_end_is_told_once_with_its_reason_and_without_a_deadline() -> None:
    state = paired()
    assert told(state, c.EndSession(), START, by_a=True) == [
        SessionEnded(session_id=state.session_id, seq=3, state="closed", reason="ended_by_guest", ended_at=START)
    ]


def test_a_renewal_is_told_with_its_generation() -> None:
    state = new_session()
    assert told(state, c.RenewCredential(), START, by_a=True) == [
        ParticipantRenewed(session_id=state.session_id, seq=2, participant_id=PHONE_A, generation=2)
    ]
    assert PHONE_B not in state.present
