"""The state that a session's log folds to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter

from session_api.play.domain.state import PlayState
from session_api.sessions.domain.events import Mode, Role
from session_api.sessions.domain.lifecycle import ENDED, DualStatus, DueLimit, Lifecycle, Lifetimes, next_limit

STATE_CODE_VERSION = 4
"""Raised with every change of ``evolve`` or of the state's shape: stored heads of another version are folded anew."""


@dataclass(frozen=True, slots=True)
class Participant:
    """One phone's place on the roster. ``present`` ends when it leaves or is replaced.

    ``joined_at`` is None for the phone that the session began with.
    """

    participant_id: UUID
    role: Role
    generation: int
    nickname: str | None = None
    present: bool = True
    joined_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pairing:
    """The latest code known to the log. ``ended_at`` is when it ran out or was withdrawn unused."""

    generation: int
    expires_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SessionState:
    session_id: UUID
    location_id: UUID
    table_id: UUID
    table_number: str
    mode: Mode
    state: Lifecycle
    dual_status: DualStatus
    language: str
    service_day: str
    lifetimes: Lifetimes
    created_at: datetime
    updated_at: datetime
    last_seq: int
    members: tuple[Participant, ...]
    pairing: Pairing | None = None
    play: PlayState = field(default_factory=PlayState)
    ended_at: datetime | None = None
    end_reason: str | None = None

    def participant(self, participant_id: UUID) -> Participant | None:
        return next((member for member in self.members if member.participant_id == participant_id), None)

    @property
    def present(self) -> frozenset[UUID]:
        return frozenset(self.arrivals)

    @property
    def arrivals(self) -> dict[UUID, datetime]:
        """The phones that are present, each with when it came to its place."""
        return {member.participant_id: member.joined_at or self.created_at for member in self.members if member.present}

    @property
    def awaited(self) -> frozenset[UUID]:
        """The phones without whom a wish that waits would take effect."""
        return frozenset() if self.state in ENDED else self.play.awaited(self.present)

    def due(self, active_at: datetime) -> DueLimit:
        """The limit that ends the session first, given its last activity."""
        # A party that plays does not wait: an invitation that nobody took does not end its evening.
        plays = len(self.present) > 1 or self.play.progress is not None
        waits_alone = self.dual_status == "expired" and self.pairing is not None and not plays
        return next_limit(
            self.state,
            self.lifetimes,
            created_at=self.created_at,
            active_at=max(active_at, self.created_at),
            pairing_ended_at=self.pairing.ended_at if waits_alone and self.pairing else None,
        )


_STATE = TypeAdapter(SessionState)


def to_document(state: SessionState) -> str:
    """The state as JSON text."""
    return _STATE.dump_json(state).decode()


def from_document(document: bytes | str) -> SessionState:
    """The state that was stored by this code version."""
    return _STATE.validate_json(document)
