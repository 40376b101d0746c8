"""The rules of pairing: what a code is worth now, when A may have another, how many wrong tries are too many.

Pure: time is an argument and nothing here reads a clock, a table or a secret. The conditional UPDATEs of ``queries``
say the same again in their WHERE clauses, because between a decision and its effect another may have come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal
from uuid import UUID

WRONG_TRIES_PER_CODE = 5
"""The fifth wrong try withdraws a code."""
WRONG_TRIES_PER_DAY = 100
"""After so many at one table on one service day, typed codes are off there until the next."""
UNSURE_TRIES_PER_DAY = 20
"""Wrong or not cannot be said while our view is behind; so many such tries at a table and day are looked at at all."""
UNKNOWN_PLACE_ZONE, UNKNOWN_PLACE_HOUR = "UTC", 4
"""Where and when a service day begins at a table of which nothing is known."""
STALE_AFTER_S = 2.0
"""How far our view may lag before an unknown code is answered 503 instead of being counted."""
PATIENCE_S = 30.0
"""A request that is not answered by then, with all its waiting, is answered 503: sooner than the gateway gives up."""

HEARD_OF_WITHIN = timedelta(seconds=30)
"""So long after it joined, and after each request without a socket, a second phone counts as here."""

End = Literal["closed", "expired"]


class Status(StrEnum):
    """Where the present generation of a session stands. ``UNKNOWN``: its end was heard of before its beginning."""

    UNKNOWN = "unknown"
    ALONE = "alone"
    WAITING = "waiting"
    PAIRED = "paired"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"


class Verdict(StrEnum):
    """What a code or a link is worth at this instant."""

    REDEEM = "redeem"
    ALREADY_PAIRED = "already_paired"
    EXPIRED = "expired"
    SESSION_CLOSED = "session_closed"
    SESSION_EXPIRED = "session_expired"
    UNKNOWN = "unknown"


class Refusal(StrEnum):
    """Why A may not do something now."""

    ALREADY_PAIRED = "already_paired"
    SESSION_CLOSED = "session_closed"
    SESSION_EXPIRED = "session_expired"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Place:
    """A table, as sessions told of it."""

    table_token: str
    table_id: UUID
    location_id: UUID
    location_slug: str | None
    timezone: str
    day_starts_at_hour: int

    def fits(self, location: str | None) -> bool:
        """Whether a guest who named this location (id or short name), or none, means this table."""
        return location is None or location.lower() == str(self.location_id) or location == self.location_slug


@dataclass(frozen=True, slots=True)
class Partner:
    """B, who joined at ``matched_at`` and keeps its place until it leaves or another takes it.

    ``away`` is as it was told last of its sockets, at ``seen_at``; None when nothing was told since it joined.
    ``polled_at`` is its last request without one that was told of, None once it has left.
    """

    matched_at: datetime
    away: bool
    seen_at: datetime | None
    polled_at: datetime | None = None

    def is_here(self, now: datetime) -> bool:
        """As far as is known: it polls, or neither left nor is gone, and came at all."""
        if self.polled_at is not None and now < self.polled_at + HEARD_OF_WITHIN:
            return True
        if self.away:
            return False
        return self.seen_at is not None or now < self.matched_at + HEARD_OF_WITHIN


@dataclass(frozen=True, slots=True)
class Offer:
    """A code that matched what was typed: of the present generation or, ``former``, of an earlier one.

    ``partner`` has the place that the code would give to another: A has invited again while it was away.
    """

    session_id: UUID
    generation: int
    status: Status
    expires_at: datetime
    wrong_tries: int
    ended: End | None
    former: bool = False
    partner: Partner | None = None

    def is_taken(self, now: datetime) -> bool:
        """Whether its place is: somebody was faster, or came back."""
        return self.status is Status.PAIRED or (self.partner is not None and self.partner.is_here(now))

    def is_open(self, now: datetime) -> bool:
        """Valid while ``now < expires_at``, as long as fewer than five wrong tries were made and B is not here."""
        return (
            self.status is Status.WAITING
            and not self.former
            and self.ended is None
            and now < self.expires_at
            and self.wrong_tries < WRONG_TRIES_PER_CODE
            and not self.is_taken(now)
        )


@dataclass(frozen=True, slots=True)
class Pairing:
    """One session's row: the arbiter of its dual status. ``code_life`` is its location's, for each further code."""

    session_id: UUID
    mode: str
    table_token: str
    table_id: UUID
    location_id: UUID
    participant_id: UUID
    credential_generation: int
    credential_expires_at: datetime
    status: Status
    generation: int
    code_hash: str | None
    expires_at: datetime | None
    code_life: timedelta
    wrong_tries: int
    partner: Partner | None
    ended: End | None

    def is_pair(self, now: datetime) -> bool:
        """Whether B is here. It may have come back after A has invited again, so the status does not tell."""
        return self.partner is not None and self.partner.is_here(now)

    def offer(self) -> Offer | None:
        """The present generation's code, when there is one."""
        if self.code_hash is None or self.expires_at is None:
            return None
        return Offer(
            self.session_id,
            self.generation,
            self.status,
            self.expires_at,
            self.wrong_tries,
            self.ended,
            partner=self.partner,
        )


@dataclass(frozen=True, slots=True)
class Tries:
    """What was tried at one table on one service day."""

    wrong: int
    unsure: int


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A session of which only the end is known."""

    ended: End


def judge(offers: Sequence[Offer], now: datetime) -> tuple[Verdict, Offer | None]:
    """What the codes that matched amount to. Exactly one open code is redeemed; two open ones match nobody.

    Of those that are not open the kindest is said: the place is taken, the code ran out, the session is over.
    """
    open_now = [offer for offer in offers if offer.is_open(now)]
    if len(open_now) == 1:
        return Verdict.REDEEM, open_now[0]
    if open_now or not offers:
        return Verdict.UNKNOWN, None
    alive = [offer for offer in offers if offer.ended is None]
    if any(offer.is_taken(now) for offer in alive):
        return Verdict.ALREADY_PAIRED, None
    if alive:
        return Verdict.EXPIRED, None
    if any(offer.ended == "expired" for offer in offers):
        return Verdict.SESSION_EXPIRED, None
    return Verdict.SESSION_CLOSED, None


def refuse_new_code(pairing: Pairing, now: datetime) -> Refusal | None:
    """Why A may not have another code now: None when it may.

    A waiting, expired, withdrawn or cancelled code is replaced; a session of one is upgraded; while B has its place A
    invites again only when B is gone or never came.
    """
    if pairing.ended is not None:
        return _over(pairing.ended)
    if pairing.mode == "group":
        return Refusal.GROUP
    return Refusal.ALREADY_PAIRED if pairing.is_pair(now) else None


def refuse_to_go_on_alone(pairing: Pairing, now: datetime) -> Refusal | None:
    """Why A may not go on alone: None when it may, or is alone already. From a pair it may when it may invite again."""
    if pairing.ended is not None:
        return _over(pairing.ended)
    return Refusal.ALREADY_PAIRED if pairing.is_pair(now) else None


def is_alone(pairing: Pairing) -> bool:
    """Whether going on alone would change nothing."""
    return pairing.status in (Status.ALONE, Status.CANCELLED)


def _over(ended: End) -> Refusal:
    return Refusal.SESSION_EXPIRED if ended == "expired" else Refusal.SESSION_CLOSED
