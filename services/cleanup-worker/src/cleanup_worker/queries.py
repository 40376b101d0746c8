"""Every query of the deadlines table, by name. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cleanup_worker.domain import ASK_AGAIN_AFTER, Kind, Standing
from cleanup_worker.tables import DeadlineRow


@dataclass(frozen=True, slots=True)
class DueDeadline:
    """A deadline this worker has claimed, and how often its owner has now been asked."""

    session_id: UUID
    kind: Kind
    position: int
    due_at: datetime
    asked: int


async def hold_standings(session: AsyncSession, session_id: UUID, kinds: Iterable[Kind]) -> dict[Kind, Standing]:
    """What is known of the subject, locked until the transaction ends; kinds unheard of get an empty row.

    Rows are taken in the order of their kind, so that two facts about one subject cannot wait for each other.
    """
    rows = [{"session_id": session_id, "kind": kind.value, "position": 0, "asked": 0} for kind in sorted(kinds)]
    held = await session.execute(
        insert(DeadlineRow)
        .values(rows)
        .on_conflict_do_update(index_elements=["session_id", "kind"], set_={"position": col(DeadlineRow.position)})
        .returning(
            col(DeadlineRow.kind),
            col(DeadlineRow.position),
            col(DeadlineRow.due_at),
            col(DeadlineRow.fires_at),
            col(DeadlineRow.asked),
            col(DeadlineRow.forget_at).is_not(None),
        )
    )
    return {
        Kind(kind): Standing(position=position, due_at=due_at, fires_at=fires_at, asked=asked, ended=ended)
        for kind, position, due_at, fires_at, asked, ended in held
    }


async def save_standing(
    session: AsyncSession, session_id: UUID, kind: Kind, standing: Standing, *, forget_at: datetime | None = None
) -> None:
    """Write a held standing back. A tombstone needs ``forget_at``, the time from which it may be removed."""
    await session.execute(
        update(DeadlineRow)
        .where(col(DeadlineRow.session_id) == session_id, col(DeadlineRow.kind) == kind.value)
        .values(
            position=standing.position,
            due_at=standing.due_at,
            fires_at=standing.fires_at,
            asked=standing.asked,
            forget_at=forget_at,
        )
    )


async def claim_due(session: AsyncSession, now: datetime, limit: int) -> list[DueDeadline]:
    """Claim what is due, most overdue first, and arm each again. What another worker holds is left to it."""
    due = (
        select(col(DeadlineRow.session_id), col(DeadlineRow.kind))
        .where(col(DeadlineRow.fires_at) <= now)
        .order_by(col(DeadlineRow.fires_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    claimed = await session.execute(
        update(DeadlineRow)
        .where(col(DeadlineRow.session_id) == due.c.session_id, col(DeadlineRow.kind) == due.c.kind)
        .values(fires_at=literal(now) + ASK_AGAIN_AFTER, asked=col(DeadlineRow.asked) + 1)
        .returning(
            col(DeadlineRow.session_id),
            col(DeadlineRow.kind),
            col(DeadlineRow.position),
            col(DeadlineRow.due_at),
            col(DeadlineRow.asked),
        )
        .execution_options(synchronize_session=False)
    )
    deadlines = [DueDeadline(row[0], Kind(row[1]), row[2], row[3], row[4]) for row in claimed]
    return sorted(deadlines, key=lambda deadline: deadline.due_at)


async def next_firing(session: AsyncSession) -> datetime | None:
    """When the next owner has to be asked."""
    found: datetime | None = await session.scalar(select(func.min(col(DeadlineRow.fires_at))))
    return found


async def count_armed(session: AsyncSession) -> dict[Kind, int]:
    """How many deadlines lie ahead or are unanswered, by kind."""
    counted = await session.execute(
        select(col(DeadlineRow.kind), func.count()).where(col(DeadlineRow.fires_at).is_not(None)).group_by("kind")
    )
    return dict.fromkeys(Kind, 0) | {Kind(kind): count for kind, count in counted}


async def forget_tombstones(session: AsyncSession, now: datetime, limit: int) -> int:
    """Remove up to ``limit`` tombstones whose time has come. Returns how many went."""
    old = (
        select(col(DeadlineRow.session_id), col(DeadlineRow.kind))
        .where(col(DeadlineRow.forget_at) <= now)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    gone = await session.execute(
        delete(DeadlineRow)
        .where(tuple_(col(DeadlineRow.session_id), col(DeadlineRow.kind)).in_(old))
        .returning(col(DeadlineRow.kind))
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())
