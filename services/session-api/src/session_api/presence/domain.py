"""When a phone need not be waited for any more (G4). Pure: ``now`` is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

POLLING_COUNTS_FOR = timedelta(seconds=30)
"""A phone without a socket counts as present for so long after each request."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """When a phone was last heard of. ``gone_at``: it had no socket for 20 s then, as realtime-gateway says."""

    participant_id: UUID
    connected_at: datetime | None
    gone_at: datetime | None
    polled_at: datetime | None

    def absent(self, now: datetime) -> bool:
        """Whether the others may go on without it."""
        if self.polled_at is not None and now < self.polled_at + POLLING_COUNTS_FOR:
            return False
        if self.connected_at is not None:
            return self.gone_at is not None and self.gone_at >= self.connected_at
        return True


def absentees(
    present: frozenset[UUID], sightings: list[Sighting], waited_for: timedelta, now: datetime
) -> frozenset[UUID]:
    """Those of ``present`` that are absent.

    One never heard of is, once it has been ``waited_for`` as long as a polling phone would be.
    """
    known = {sighting.participant_id: sighting for sighting in sightings}
    return frozenset(
        phone for phone in present if (known[phone].absent(now) if phone in known else waited_for >= POLLING_COUNTS_FOR)
    )
