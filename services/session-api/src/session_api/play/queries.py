"""Every query about question sets, by name."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from session_api.play.domain.decks import Context
from session_api.play.stored_set import StoredSet
from session_api.play.tables import QuestionSetRow


async def find_question_set(session: AsyncSession, context: Context, version: int) -> StoredSet | None:
    """One version, as it was imported."""
    row = await session.get(QuestionSetRow, (context, version))
    return None if row is None else StoredSet.model_validate(row.document)


async def newest_versions(session: AsyncSession) -> dict[str, int]:
    """The newest version of each context that has one."""
    found = await session.execute(
        select(col(QuestionSetRow.context), func.max(col(QuestionSetRow.version))).group_by(col(QuestionSetRow.context))
    )
    return {row[0]: row[1] for row in found}


def add_question_set(session: AsyncSession, added: StoredSet, now: datetime) -> None:
    """Store a new version."""
    session.add(
        QuestionSetRow(
            context=added.context, version=added.version, document=added.model_dump(mode="json"), imported_at=now
        )
    )
