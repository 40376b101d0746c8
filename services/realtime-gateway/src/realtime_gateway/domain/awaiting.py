"""Whether the phones of a session wait for each other, as far as the events that went by tell.

The rules of the game are session-api's. This only says when it matters to know that a phone is still there (G4); being
wrong costs a few pings.
"""

from __future__ import annotations

_ASKED = frozenset({"ready_changed", "next_requested", "change_requested"})
_SETTLED = frozenset(
    {
        "both_ready",
        "next_withdrawn",
        "change_withdrawn",
        "question_advanced",
        "question_shown",
        "context_chosen",
        "participant_left",
        "mode_changed",
    }
)


def awaiting_after(event_type: str, awaiting: bool) -> bool:
    """Whether somebody waits after this event, given whether somebody did before."""
    return event_type in _ASKED or (awaiting and event_type not in _SETTLED)
