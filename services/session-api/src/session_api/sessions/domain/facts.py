"""What the other services are told of a session's events. Pure: from the log's events to contracts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from session_api.sessions.domain import events as e
from session_api.sessions.domain.lifecycle import ENDED
from session_api.sessions.domain.state import SessionState
from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.session_api import (
    DeadlineSet,
    ParticipantAdmitted,
    ParticipantLeft,
    ParticipantRenewed,
    SessionEnded,
)


def facts_of(
    before: SessionState, active_before: datetime, recorded: Sequence[e.Recorded], after: SessionState, now: datetime
) -> list[Contract]:
    """The facts that follow from ``recorded``, which led from ``before`` to ``after``.

    A deadline is announced only when it moves forward: a later one is answered when the owner is asked too early.
    """
    facts: list[Contract] = []
    for entry in recorded:
        facts.extend(_facts_of_event(after, entry))
    if after.state not in ENDED and (due := after.due(now).at) < before.due(active_before).at:
        facts.append(DeadlineSet(session_id=after.session_id, seq=after.last_seq, due_at=due))
    return facts


def _facts_of_event(after: SessionState, recorded: e.Recorded) -> list[Contract]:
    session_id, seq = after.session_id, recorded.seq
    match recorded.event:
        case e.PartnerJoined(participant_id, role, generation, _, replaces):
            admitted = ParticipantAdmitted(
                session_id=session_id, seq=seq, participant_id=participant_id, role=role, generation=generation
            )
            if replaces is None:
                return [admitted]
            return [ParticipantLeft(session_id=session_id, seq=seq, participant_id=replaces, role=role), admitted]
        case e.ParticipantLeft(participant_id, role):
            return [ParticipantLeft(session_id=session_id, seq=seq, participant_id=participant_id, role=role)]
        case e.CredentialRenewed(participant_id, generation):
            return [
                ParticipantRenewed(session_id=session_id, seq=seq, participant_id=participant_id, generation=generation)
            ]
        case e.SessionClosed(reason) | e.SessionExpired(reason):
            state: Literal["closed", "expired"] = "expired" if after.state == "expired" else "closed"
            return [SessionEnded(session_id=session_id, seq=seq, state=state, reason=reason, ended_at=recorded.at)]
    return []
