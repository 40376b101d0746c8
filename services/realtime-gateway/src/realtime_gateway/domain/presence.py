"""Who is there. Every socket of a participant has a higher connection number than the one before it, on any instance.

A participant's presence is the newest mark: the highest connection, and for one connection ``online`` before ``away``
before ``gone``. Taking the newest is commutative and idempotent, so hints may be lost, doubled or reordered and every
instance still comes to the same answer. The same number decides which of two sockets is the older one: the lower
number is closed.

A participant without a socket, never heard of or gone, is there all the same while it polls: of what is heard of that
the longest counts, which is commutative and idempotent too.
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
class Polling:
    """A participant that asks without a socket. ``until`` is monotonic; ``lapsed`` once that time was noticed."""

    role: Role
    until: float
    lapsed: bool = False


@dataclass(slots=True)
class Presence:
    """The newest mark of each participant of one session that has ever opened a socket, and who polls without one."""

    marks: dict[UUID, Mark] = field(default_factory=dict)
    polling: dict[UUID, Polling] = field(default_factory=dict)

    def see(self, participant_id: UUID, mark: Mark) -> bool:
        """Take a sighting. True when the participant's status changed, so that the phones should hear of it."""
        known = self.marks.get(participant_id)
        if known is not None and not mark.newer_than(known):
            return False
        shown = self.status_of(participant_id)
        self.marks[participant_id] = mark
        return shown != self.status_of(participant_id)

    def hear(self, participant_id: UUID, role: Role, until: float) -> bool:
        """It polls, and counts as there until then. True when its status changed by that."""
        known = self.polling.get(participant_id)
        if known is not None and until <= known.until:
            return False
        shown = self.status_of(participant_id)
        self.polling[participant_id] = Polling(role, until)
        return shown != self.status_of(participant_id)

    def lapse(self, now: float) -> bool:
        """Those that have polled no more are not there any more. True when a status changed by that."""
        changed = False
        for participant_id, one in self.polling.items():
            if not one.lapsed and one.until <= now:
                shown = self.status_of(participant_id)
                one.lapsed = True
                changed = changed or shown != self.status_of(participant_id)
        return changed

    @property
    def anybody_polls(self) -> bool:
        """Whether there is anything that may lapse."""
        return any(not one.lapsed for one in self.polling.values())

    def forget(self, participant_id: UUID) -> bool:
        """The participant left the session."""
        polling = self.polling.pop(participant_id, None)
        return self.marks.pop(participant_id, None) is not None or polling is not None

    def status_of(self, participant_id: UUID) -> PresenceStatus | None:
        """What is shown of a participant; None while it was never heard of.

        That it polls says something only of one without a socket. A request made just before its last socket opened may
        keep it shown for some seconds after that one is gone: hints have no order between polling and sockets.
        """
        mark, polling = self.marks.get(participant_id), self.polling.get(participant_id)
        if mark is not None and (mark.status != "gone" or polling is None or polling.lapsed):
            return mark.status
        if polling is None:
            return None
        return "gone" if polling.lapsed else "online"

    def connection_of(self, participant_id: UUID) -> int:
        """The newest connection number known, 0 when there was none."""
        mark = self.marks.get(participant_id)
        return 0 if mark is None else mark.connection

    def sightings(self) -> Iterable[Sighting]:
        """What phones are shown: those that have had a socket in the order of first arrival, then those that poll."""
        everybody = [*self.marks, *(one for one in self.polling if one not in self.marks)]
        return [
            Sighting(one, (self.marks.get(one) or self.polling[one]).role, status)
            for one in everybody
            if (status := self.status_of(one)) is not None
        ]


def gone_since(declared_at: datetime, away_s: float) -> datetime:
    """When a participant that has had no socket for ``away_s`` counts as gone.

    In the middle of that time: after its last socket opened and before its next one does, although every instance
    stamps by its own clock, and although a socket may open, with an earlier stamp, while its participant is declared
    gone.
    """
    return declared_at - timedelta(seconds=away_s / 2)
