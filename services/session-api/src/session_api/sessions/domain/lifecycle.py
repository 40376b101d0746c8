"""States a session may be in, the moves between them (S3), and the limits of its life (S5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Lifecycle = Literal[
    "pending", "browsing", "cart_active", "order_placed", "awaiting_payment", "payment_completed", "closed", "expired"
]
DualStatus = Literal["none", "waiting", "paired", "expired"]
"""As pairing told it last (S4). Its row decides and its facts may overtake each other, so any move may be heard of."""
Limit = Literal["absolute", "pending", "idle", "paid_idle", "pairing"]

ENDED: frozenset[Lifecycle] = frozenset({"closed", "expired"})

MOVES: dict[Lifecycle, frozenset[Lifecycle]] = {
    "pending": frozenset({"browsing", "closed", "expired"}),
    "browsing": frozenset({"cart_active", "closed", "expired"}),
    "cart_active": frozenset({"order_placed", "browsing", "closed", "expired"}),
    "order_placed": frozenset({"awaiting_payment", "payment_completed", "cart_active", "closed"}),
    "awaiting_payment": frozenset({"payment_completed", "closed"}),
    "payment_completed": frozenset({"closed"}),
    "closed": frozenset(),
    "expired": frozenset(),
}


class MoveRefused(Exception):
    """No such move; both states are named."""

    def __init__(self, source: str, target: str) -> None:
        super().__init__(f"{source} -> {target}")
        self.source = source
        self.target = target


def move(source: Lifecycle, target: Lifecycle) -> Lifecycle:
    """``target`` when S3 allows the move. Raises MoveRefused."""
    if target not in MOVES[source]:
        raise MoveRefused(source, target)
    return target


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """A location's limits, in seconds (S5)."""

    absolute_s: int = 86_400
    pending_s: int = 1_800
    idle_s: int = 5_400
    paid_idle_s: int = 600
    code_s: int = 600
    code_grace_s: int = 300


@dataclass(frozen=True, slots=True)
class DueLimit:
    """The limit that falls first. It is reached when ``now >= at``."""

    at: datetime
    limit: Limit


def next_limit(
    state: Lifecycle,
    lifetimes: Lifetimes,
    *,
    created_at: datetime,
    active_at: datetime,
    pairing_ended_at: datetime | None,
) -> DueLimit:
    """The first limit of a live session. Activity moves the idle limits, never the absolute one.

    ``pairing_ended_at`` is when a code ran out with nobody joined: A then has the grace time to act.
    """
    limits = [DueLimit(created_at + timedelta(seconds=lifetimes.absolute_s), "absolute")]
    idle: dict[Lifecycle, tuple[int, Limit]] = {
        "pending": (lifetimes.pending_s, "pending"),
        "browsing": (lifetimes.idle_s, "idle"),
        "cart_active": (lifetimes.idle_s, "idle"),
        "payment_completed": (lifetimes.paid_idle_s, "paid_idle"),
    }
    if state in idle:
        seconds, limit = idle[state]
        limits.append(DueLimit(active_at + timedelta(seconds=seconds), limit))
    if pairing_ended_at is not None:
        limits.append(DueLimit(pairing_ended_at + timedelta(seconds=lifetimes.code_grace_s), "pairing"))
    return min(limits, key=lambda due: due.at)


def end_at_limit(state: Lifecycle) -> Lifecycle:
    """How a session ends when a limit falls due: a state that cannot expire closes (S3)."""
    return "expired" if "expired" in MOVES[state] else "closed"
