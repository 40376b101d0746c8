"""Whether a credential still stands for a place on the roster. The roster is part of the log."""

from __future__ import annotations

from uuid import UUID

from session_api.sessions.domain.decider import Refusal
from session_api.sessions.domain.lifecycle import ENDED
from session_api.sessions.domain.state import Participant, SessionState


class AheadOfRoster(Exception):
    """A genuine credential of a place that the log does not show yet: wait for it."""


def standing(state: SessionState, participant_id: UUID, generation: int) -> Participant:
    """The place this credential stands for.

    Raises AheadOfRoster, or Refusal: ``not_a_participant`` when the place was given up, ``credential_invalid`` when the
    credential was renewed since, ``session_closed`` or ``session_expired`` when the session ended without this place.
    """
    member = state.participant(participant_id)
    if member is None or generation > member.generation:
        if state.state in ENDED:
            raise Refusal("session_closed" if state.state == "closed" else "session_expired")
        raise AheadOfRoster
    if not member.present:
        raise Refusal("not_a_participant")
    if generation < member.generation:
        raise Refusal("credential_invalid")
    return member
