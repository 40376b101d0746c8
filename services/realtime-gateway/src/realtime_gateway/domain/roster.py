"""Who may stay in a session's room, merged from facts, log events and the owner's answers.

Every merge is commutative and idempotent (generations only rise, leaving and ending stick), so the order in which
the three sources tell a thing does not matter and nothing needs to be remembered about what was already applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any
from uuid import UUID

from realtime_gateway.domain.closing import Closing


class Verdict(Enum):
    """What the roster says about a credential."""

    ADMITTED = auto()
    UNKNOWN = auto()  # not registered yet, or a generation that has not arrived yet
    REVOKED = auto()
    LEFT = auto()
    ENDED = auto()

    @property
    def closing(self) -> Closing | None:
        """How a socket with this verdict is closed; None when it may stay or nobody knows yet."""
        return _CLOSINGS.get(self)


_CLOSINGS = {
    Verdict.REVOKED: Closing.BAD_CREDENTIAL,
    Verdict.LEFT: Closing.NOT_REGISTERED,
    Verdict.ENDED: Closing.SESSION_ENDED,
}


@dataclass(slots=True)
class Member:
    """One participant: the current credential generation, and whether it has left for good."""

    generation: int = 0
    left: bool = False


@dataclass(slots=True)
class Roster:
    """The registered participants of one session, as far as this instance knows."""

    members: dict[UUID, Member] = field(default_factory=dict)
    ended: bool = False

    def admit(self, participant_id: UUID, generation: int) -> None:
        """Registered, or renewed: lower generations are revoked from now on."""
        member = self.members.setdefault(participant_id, Member())
        member.generation = max(member.generation, generation)

    def leave(self, participant_id: UUID) -> None:
        """Off the roster. Ids of participants are never used again, so this is for good."""
        self.members.setdefault(participant_id, Member()).left = True

    def end(self) -> None:
        self.ended = True

    @property
    def paired(self) -> bool:
        """Whether there is a phone that another one could wait for, wherever its socket is."""
        return sum(not member.left for member in self.members.values()) > 1

    def merge(self, other: Roster) -> None:
        """Take over what another source knows."""
        for participant_id, member in other.members.items():
            self.admit(participant_id, member.generation)
            if member.left:
                self.leave(participant_id)
        self.ended = self.ended or other.ended

    def verdict(self, participant_id: UUID, generation: int) -> Verdict:
        """What a phone with a valid credential of this generation may do."""
        if self.ended:
            return Verdict.ENDED
        member = self.members.get(participant_id)
        if member is None:
            return Verdict.UNKNOWN
        if member.left:
            return Verdict.LEFT
        if generation < member.generation:
            return Verdict.REVOKED
        return Verdict.ADMITTED if generation == member.generation else Verdict.UNKNOWN

    def apply(self, event_type: str, data: Mapping[str, Any]) -> bool:
        """Follow one log event. True when it touches the roster, so that the room's sockets must be looked at again."""
        follow = _FOLLOWED.get(event_type)
        if follow is None:
            return False
        follow(self, data)
        return True

    def _partner_joined(self, data: Mapping[str, Any]) -> None:
        if (joined := _id_in(data, "participant_id")) is not None:
            self.admit(joined, _generation_in(data))
        if (replaced := _id_in(data, "replaces")) is not None:
            self.leave(replaced)

    def _credential_renewed(self, data: Mapping[str, Any]) -> None:
        if (renewed := _id_in(data, "participant_id")) is not None:
            self.admit(renewed, _generation_in(data))

    def _participant_left(self, data: Mapping[str, Any]) -> None:
        if (left := _id_in(data, "participant_id")) is not None:
            self.leave(left)

    def _ended(self, data: Mapping[str, Any]) -> None:
        self.end()


_FOLLOWED = {
    "partner_joined": Roster._partner_joined,
    "credential_renewed": Roster._credential_renewed,
    "participant_left": Roster._participant_left,
    "session_closed": Roster._ended,
    "session_expired": Roster._ended,
}


def _id_in(data: Mapping[str, Any], key: str) -> UUID | None:
    try:
        return UUID(str(data[key]))
    except (KeyError, ValueError):
        return None


def _generation_in(data: Mapping[str, Any]) -> int:
    value = data.get("generation")
    return value if isinstance(value, int) else 1
