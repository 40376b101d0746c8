"""Whether the phones of a session may wait for each other, as far as the events that went by tell.

The rules of the game are session-api's. This only says when it matters to know that a phone is still there (G4). It
never says no while one waits: that would cost a partner's patience, and the other mistake costs a few pings. So who
was not told otherwise and has seen no event that settles it takes it for granted, and a wish that is withdrawn settles
nothing, for the other phone may have one too.
"""

from __future__ import annotations

# With the last opt-in the phone that was ready already begins to wait.
_ASKED = frozenset({"ready_changed", "mature_opted_in", "next_requested", "change_requested"})
_SETTLED = frozenset(
    {
        "session_created",
        "partner_joined",
        "both_ready",
        "question_advanced",
        "question_shown",
        "context_chosen",
        "participant_left",
        "mode_changed",
    }
)


def awaiting_after(event_type: str, awaiting: bool) -> bool:
    """Whether somebody may wait after this event, given whether somebody might before."""
    return event_type in _ASKED or (awaiting and event_type not in _SETTLED)
