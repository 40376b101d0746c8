"""Who is there. Every socket of a participant has a higher connection number than the one before it, on any instance.

A participant's presence is the newest mark: the highest connection, and for one connection ``online`` before ``away``
before ``gone``. Taking the newest is commutative and idempotent, so hints may be lost, doubled or reordered and every
instance still comes to the same answer. The same number decides which of two sockets is the older one: the lower
number is closed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from twotop_common.contracts.session_api import Role
from twotop_common.contracts.session_log import PresenceStatus

_RANK: dict[PresenceStatus, int] = {"online": 0, "away": 1, "gone": 2}


class Mark(NamedTuple):
    """One sighting of a participant."""

    role: Role
    connection: int
    status: PresenceStatus

    @property
    def rank(self) -> int:
        """The order of statuses within one connection."""
        return _RANK[self.status]

    def newer_than(self, other: Mark) -> bool:
        return (self.connection, self.rank) > (other.connection, other.rank)


class Sighting(NamedTuple):
    """A line of the ``presence`` frame."""

    participant_id: UUID
    role: Role
    status: PresenceStatus


@dataclass(slots=True)
class Presence:
    """The newest mark of each participant of one session that has ever opened a socket."""

    marks: dict[UUID, Mark] = field(default_factory=dict)

    def see(self, participant_id: UUID, mark: Mark) -> bool:
        """Take a sighting. True when the participant's status changed, so that the phones should hear of it."""
        known = self.marks.get(participant_id)
        if known is not None and not mark.newer_than(known):
            return False
        self.marks[participant_id] = mark
        return known is None or known.status != mark.status

    def forget(self, participant_id: UUID) -> bool:
        """The participant left the session."""
        return self.marks.pop(participant_id, None) is not None

    def connection_of(self, participant_id: UUID) -> int:
        """The newest connection number known, 0 when there was none."""
        mark = self.marks.get(participant_id)
        return 0 if mark is None else mark.connection

    def sightings(self) -> Iterable[Sighting]:
        """What phones are shown, in the order of first arrival."""
        return [Sighting(participant_id, mark.role, mark.status) for participant_id, mark in self.marks.items()]


def gone_since(declared_at: datetime, away_s: float) -> datetime:
    """When a participant that has had no socket for ``away_s`` counts as gone.

    In the middle of that time: after its last socket opened and before its next one does, although every instance
    stamps by its own clock, and although a socket may open, with an earlier stamp, while its participant is declared
    gone.
    """
    return declared_at - timedelta(seconds=away_s / 2)
