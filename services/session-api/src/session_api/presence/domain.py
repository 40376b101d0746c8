"""When a phone need not be waited for any more (G4). Pure: ``now`` is an argument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

POLLING_COUNTS_FOR = timedelta(seconds=30)
"""A phone without a socket counts as present for so long after each request."""
GONE_LIES_BACK = timedelta(seconds=10)
"""realtime-gateway declares a phone gone 20 s after it last heard of it, and dates that to the middle of these."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """When a phone was last heard of. ``gone_at`` is the middle of 20 s without a socket, as realtime-gateway says."""

    participant_id: UUID
    connected_at: datetime | None
    gone_at: datetime | None
    polled_at: datetime | None

    def absent(self, now: datetime) -> bool:
        """Whether the others may go on without it."""
        return not self._has_socket and (self.polls_until is None or now >= self.polls_until)

    @property
    def polls_until(self) -> datetime | None:
        """Until when its requests count; None while a socket may be open, and when none was made since."""
        if self._has_socket or self._polls_since is None:
            return None
        return self._polls_since + POLLING_COUNTS_FOR

    @property
    def _has_socket(self) -> bool:
        return self.connected_at is not None and self._lost_at is None

    @property
    def _lost_at(self) -> datetime | None:
        """When it was last heard of by its last socket; None while that may be open."""
        if self.gone_at is None or (self.connected_at is not None and self.gone_at < self.connected_at):
            return None
        return self.gone_at - GONE_LIES_BACK

    @property
    def _polls_since(self) -> datetime | None:
        """The last request without a socket. One before the last socket was lost says nothing of what came after."""
        socket = self._lost_at or self.connected_at
        if self.polled_at is None or (socket is not None and self.polled_at <= socket):
            return None
        return self.polled_at


@dataclass(frozen=True, slots=True)
class Waiting:
    """A session in which a wish waits: the phones it waits for, and when each on the roster came to its place."""

    session_id: UUID
    awaited: frozenset[UUID]
    arrivals: Mapping[UUID, datetime]


def heard_here(sightings: Iterable[Sighting], polled: Mapping[UUID, datetime]) -> list[Sighting]:
    """The sightings with the requests that are newer than what is stored of them."""
    known = {sighting.participant_id: sighting for sighting in sightings}
    for phone, at in polled.items():
        sighting = known.get(phone, Sighting(phone, None, None, None))
        if sighting.polled_at is None or sighting.polled_at < at:
            known[phone] = replace(sighting, polled_at=at)
    return list(known.values())


def absentees(arrivals: Mapping[UUID, datetime], sightings: Iterable[Sighting], now: datetime) -> frozenset[UUID]:
    """Those of the phones on the roster that are absent. ``arrivals`` says when each came to its place.

    Coming is a request like any other: of a phone never heard of since, it was the last.
    """
    known = {sighting.participant_id: sighting for sighting in sightings}
    return frozenset(
        phone
        for phone, arrived_at in arrivals.items()
        if known.get(phone, Sighting(phone, None, None, arrived_at)).absent(now)
    )
