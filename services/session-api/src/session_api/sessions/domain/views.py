"""What a participant may see. Every way to a phone (HTTP, polling, sockets) goes through these two functions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from session_api.sessions.domain.events import Recorded, to_data
from session_api.sessions.domain.state import SessionState
from twotop_common.contracts.session_log import EventView

_OURS_ALONE = frozenset({"lifetimes"})


def view_event(recorded: Recorded) -> EventView:
    """One event as phones see it: without what only the house needs."""
    data = {name: value for name, value in to_data(recorded.event).items() if name not in _OURS_ALONE}
    return EventView(
        seq=recorded.seq,
        type=recorded.type,
        data=data,
        at=recorded.at,
        by=recorded.by,
        command_id=recorded.command_id,
    )


def view_state(state: SessionState) -> dict[str, Any]:
    """The snapshot's state as phones see it: JSON values, a function of the log alone."""
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
        "play": {
            "mature_opt_in": sorted(str(participant_id) for participant_id in state.play.opted_in),
            "ready": sorted(str(participant_id) for participant_id in state.play.ready),
            "both_ready": state.play.both_ready,
        },
        "items": [],
        "total": 0,
    }


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
