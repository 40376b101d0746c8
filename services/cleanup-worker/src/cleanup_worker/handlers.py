"""The worker's use cases, one transaction each: take a fact in, ask owners about what is due, forget what is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from cleanup_worker import queries
from cleanup_worker.domain import UNHEARD_OF, Fact, changes, command_for
from twotop_common.contracts.registry import Service
from twotop_common.contracts.session_api import FlagChanged
from twotop_common.messaging.inbox import first_time, prune_inbox
from twotop_common.messaging.outbox import enqueue
from twotop_common.service_defaults.feature_flags import apply_flag
from twotop_common.service_defaults.logging import get_logger

log = get_logger(__name__)

SERVICE: Service = "cleanup-worker"
FORGET_BATCH = 1_000
UNANSWERED = 3

_LATENESS = Histogram(
    "twotop_deadline_lateness_seconds",
    "from the due time to the first command about it",
    ["kind"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
_COMMANDS = Counter("twotop_deadline_commands_total", "owners asked, first time or again", ["kind", "asked"])
_ARMED = Gauge("twotop_deadlines_armed", "deadlines ahead or unanswered", ["kind"])


@dataclass(frozen=True, slots=True)
class Asked:
    """What one batch came to: how many owners were asked, whether more may be due, when the next deadline fires."""

    commands: int
    more: bool
    fires_at: datetime | None


async def take_in(
    sessions: async_sessionmaker[AsyncSession], fact: Fact, message_id: UUID, *, now: datetime, keep: timedelta
) -> datetime | None:
    """Apply one fact, once. Returns the earliest time at which something of its subject fires now.

    ``keep`` is how long an ended subject leaves its tombstone.
    """
    earliest: datetime | None = None
    async with sessions() as session, session.begin():
        if not await first_time(session, SERVICE, message_id):
            return None
        wanted = changes(fact, now)
        held = await queries.hold_standings(session, fact.session_id, wanted)
        for kind, change in wanted.items():
            before = held.get(kind, UNHEARD_OF)
            after = change(before)
            if after == before:
                continue
            forget_at = now + keep if after.ended else None
            await queries.save_standing(session, fact.session_id, kind, after, forget_at=forget_at)
            if after.fires_at is not None and (earliest is None or after.fires_at < earliest):
                earliest = after.fires_at
    return earliest


async def take_in_flag(sessions: async_sessionmaker[AsyncSession], flag: FlagChanged, message_id: UUID) -> None:
    """Keep a feature flag's newest value."""
    async with sessions() as session, session.begin():
        if await first_time(session, SERVICE, message_id):
            await apply_flag(session, flag)


async def ask_owners(sessions: async_sessionmaker[AsyncSession], *, now: datetime, batch: int) -> Asked:
    """Claim up to ``batch`` due deadlines, command their owners and arm each again, all or nothing."""
    async with sessions() as session, session.begin():
        due = await queries.claim_due(session, now, batch)
        for deadline in due:
            command = command_for(deadline.session_id, deadline.kind, deadline.position, deadline.due_at)
            enqueue(session, command, subject=str(deadline.session_id), source=SERVICE)
        fires_at = await queries.next_firing(session)
    for deadline in due:
        first = deadline.asked == 1
        _COMMANDS.labels(deadline.kind, "first" if first else "again").inc()
        if first:
            _LATENESS.labels(deadline.kind).observe((now - deadline.due_at).total_seconds())
        elif deadline.asked > UNANSWERED:
            log.warning(
                "deadline.unanswered", session_id=str(deadline.session_id), kind=deadline.kind, asked=deadline.asked
            )
    return Asked(commands=len(due), more=len(due) == batch, fires_at=fires_at)


async def forget_old(sessions: async_sessionmaker[AsyncSession], *, now: datetime, keep: timedelta) -> int:
    """Remove tombstones whose time has come and inbox rows older than any redelivery. How many tombstones went."""
    gone = 0
    while True:
        async with sessions() as session, session.begin():
            removed = await queries.forget_tombstones(session, now, FORGET_BATCH)
            gone += removed
            if removed == FORGET_BATCH:
                continue
            await prune_inbox(session, older_than=now - keep)
            armed = await queries.count_armed(session)
        break
    for kind, count in armed.items():
        _ARMED.labels(kind).set(count)
    return gone
