"""What a participant may see. Every way to a phone (HTTP, polling, sockets) goes through these functions."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from session_api.play.domain.events import AnswersRevealed
from session_api.sessions.domain.events import Recorded, to_data
from session_api.sessions.domain.state import SessionState
from twotop_common.contracts.session_log import EventView

VIEW_VERSION = 2
"""Raised with every change of what ``view_state`` shows of the same state: snapshots that phones keep are sent anew."""

_WITHHELD: dict[str, frozenset[str]] = {
    "session_created": frozenset({"lifetimes"}),
    # Even from the phone that gave it: an event has one form for all who see it. The snapshot has one's own answer.
    "answer_given": frozenset({"answer"}),
}
_NOTHING: frozenset[str] = frozenset()


def view_event(recorded: Recorded) -> EventView:
    """One event as those see it who are there when it happens, which is how it goes out to gateways.

    Without what only the house needs, and without answers not yet revealed.
    """
    withheld = _WITHHELD.get(recorded.type, _NOTHING)
    data = {name: value for name, value in to_data(recorded.event).items() if name not in withheld}
    return EventView(
        seq=recorded.seq,
        type=recorded.type,
        data=data,
        at=recorded.at,
        by=recorded.by,
        command_id=recorded.command_id,
    )


def view_event_for(recorded: Recorded, participant_id: UUID) -> EventView:
    """One event of the log as this participant reads it: what others revealed to each other is theirs."""
    seen = view_event(recorded)
    match recorded.event:
        case AnswersRevealed(_, answers) if participant_id not in {one.participant_id for one in answers}:
            return seen.model_copy(update={"data": {**seen.data, "answers": []}})
    return seen


def view_state(state: SessionState, participant_id: UUID) -> dict[str, Any]:
    """The snapshot's state as this participant sees it: JSON values, a function of the log alone."""
    pairing = state.pairing
    return {
        "session_id": str(state.session_id),
        "location_id": str(state.location_id),
        "table_id": str(state.table_id),
        "table_number": state.table_number,
        "mode": state.mode,
        "state": state.state,
        "dual_status": state.dual_status,
        "context": state.play.context,
        "language": state.language,
        "created_at": _instant(state.created_at),
        "ended_at": None if state.ended_at is None else _instant(state.ended_at),
        "end_reason": state.end_reason,
        "members": [
            {
                "participant_id": str(member.participant_id),
                "role": member.role,
                "nickname": member.nickname,
                "present": member.present,
            }
            for member in state.members
        ],
        "pairing": None
        if pairing is None or state.dual_status == "none"
        else {"generation": pairing.generation, "expires_at": _instant(pairing.expires_at)},
        "play": _view_play(state, participant_id),
        "items": [],
        "total": 0,
    }


def _view_play(state: SessionState, participant_id: UUID) -> dict[str, Any]:
    play, progress = state.play, state.play.progress
    return {
        "mature_opt_in": sorted(map(str, play.opted_in)),
        "ready": sorted(map(str, play.ready)),
        "both_ready": play.both_ready,
        "question": None
        if progress is None or progress.finished or not _may_see_card(state, participant_id)
        else {
            "question_id": progress.question_id,
            "position": progress.position,
            "size": progress.size,
            "context": progress.context,
            "set_version": progress.set_version,
            "round": progress.round,
            "hint_revealed": play.hint_revealed,
        },
        "finished": progress is not None and progress.finished,
        "decks": [
            {
                "context": deck.context,
                "set_version": deck.set_version,
                "round": deck.round,
                "position": deck.position,
                "size": deck.size,
                "question_id": deck.question_id,
            }
            for deck in play.decks
            if _began_here(state, participant_id)
        ],
        "wishes": [
            {"participant_id": str(wish.participant_id), "wish": wish.want, "context": wish.context}
            for wish in play.wishes
        ],
        "answered": sorted(str(answer.participant_id) for answer in play.answers),
        "answers": [
            {"participant_id": str(answer.participant_id), "answer": answer.answer}
            for answer in play.answers
            if play.revealed or answer.participant_id == participant_id
        ],
        "revealed": play.revealed,
    }


def _may_see_card(state: SessionState, participant_id: UUID) -> bool:
    """Whoever joins a game sees its card when both are ready, and so not before its own opt-in where one is needed."""
    member = state.participant(participant_id)
    return state.play.both_ready or member is None or member.joined_at is None


def _began_here(state: SessionState, participant_id: UUID) -> bool:
    """Only the phone that the session began with may come upon a deck whose card is not told to it again."""
    member = state.participant(participant_id)
    return member is not None and member.joined_at is None


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
