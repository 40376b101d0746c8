"""Which word about a deadline counts, and what the owner is then asked. Pure: ``now`` is an argument, no I/O.

A *subject* is one session; each subject has at most one next deadline of each kind. What a worker knows of it is a
``Standing``. Facts may arrive late, twice or in any order, so every rule below gives the same standing in any order:
a higher position (log seq for ``session``, generation for ``pairing``) beats a lower one; at equal positions a
clearance beats a due time and a later due time beats an earlier one; an end beats everything and stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from uuid import UUID

from twotop_common.contracts.cleanup_worker import ExpirePairing, ExpireSession
from twotop_common.contracts.pairing import (
    PairingCancelled,
    PairingCodeReplaced,
    PairingExpired,
    PairingMatched,
    PairingWithdrawn,
)
from twotop_common.contracts.session_api import DeadlineSet, PairingOffer, SessionCreated, SessionEnded

ASK_AGAIN_AFTER = timedelta(seconds=30)
"""An owner that has not answered by then is asked again, until it answers with an end or a later deadline."""

CLOCK_DIFFERENCE = timedelta(seconds=1)
"""An owner that repeats the due time it was just asked about has a clock behind ours: it is asked again this soon."""


class Kind(StrEnum):
    """What falls due: a session's lifetime limit or its pairing code."""

    SESSION = "session"
    PAIRING = "pairing"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one subject's next deadline of one kind.

    ``due_at`` is the owner's word, ``None`` when nothing is due. ``fires_at`` is when the owner is asked next, later
    than ``due_at`` once it has been asked. ``asked`` counts the commands sent since the owner last set the deadline.
    """

    position: int = 0
    due_at: datetime | None = None
    fires_at: datetime | None = None
    asked: int = 0
    ended: bool = False


UNHEARD_OF = Standing()

Change = Callable[[Standing], Standing]
PairingSettled = PairingMatched | PairingWithdrawn | PairingExpired | PairingCancelled
Fact = SessionCreated | DeadlineSet | SessionEnded | PairingCodeReplaced | PairingSettled


def changes(fact: Fact, now: datetime) -> Mapping[Kind, Change]:
    """What a fact does to the standings of its subject, by kind."""
    match fact:
        case SessionCreated(seq=seq, due_at=due_at, pairing=None):
            return {Kind.SESSION: partial(set_due, position=seq, due_at=due_at, now=now)}
        case SessionCreated(seq=seq, due_at=due_at, pairing=PairingOffer() as offer):
            return {
                Kind.SESSION: partial(set_due, position=seq, due_at=due_at, now=now),
                Kind.PAIRING: partial(set_due, position=offer.generation, due_at=offer.expires_at, now=now),
            }
        case DeadlineSet(seq=seq, due_at=due_at):
            return {Kind.SESSION: partial(set_due, position=seq, due_at=due_at, now=now)}
        case PairingCodeReplaced(generation=generation, expires_at=expires_at):
            return {Kind.PAIRING: partial(set_due, position=generation, due_at=expires_at, now=now)}
        case SessionEnded():
            return {Kind.SESSION: end, Kind.PAIRING: end}
        case _:  # the code of this generation is settled, one way or another
            return {Kind.PAIRING: partial(clear, position=fact.generation)}


def set_due(standing: Standing, position: int, due_at: datetime, now: datetime) -> Standing:
    """The owner set the deadline of this position."""
    if standing.ended or position < standing.position:
        return standing
    if position == standing.position:
        if standing.due_at is None or due_at < standing.due_at:
            return standing
        if due_at == standing.due_at:
            return _ask_again_soon(standing, due_at, now)
    return Standing(position=position, due_at=due_at, fires_at=due_at)


def clear(standing: Standing, position: int) -> Standing:
    """The owner settled the deadline of this position and of all before it."""
    if standing.ended or position < standing.position:
        return standing
    return Standing(position=position)


def end(standing: Standing) -> Standing:
    """The subject ended: a tombstone, so that a fact arriving late revives nothing."""
    return Standing(position=standing.position, ended=True)


def command_for(session_id: UUID, kind: Kind, position: int, due_at: datetime) -> ExpireSession | ExpirePairing:
    """What the owner is asked when this deadline falls due."""
    if kind is Kind.SESSION:
        return ExpireSession(session_id=session_id, due_at=due_at)
    return ExpirePairing(session_id=session_id, generation=position, due_at=due_at)


def _ask_again_soon(standing: Standing, due_at: datetime, now: datetime) -> Standing:
    if not standing.asked or standing.fires_at is None:
        return standing
    return replace(standing, fires_at=min(standing.fires_at, max(due_at, now + CLOCK_DIFFERENCE)))
