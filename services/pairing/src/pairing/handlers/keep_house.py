"""Removing what is no longer needed, and finishing what a dead process began."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from pairing.handlers.withdraw import publish_withdrawn
from pairing.queries import answers, facts, guards
from twotop_common.messaging.inbox import prune_inbox

ENDED_KEPT = timedelta(hours=72)
"""An ended session stays a tombstone for longer than any message about it travels."""
OUTLIVED_KEPT = timedelta(hours=24)
"""A session whose end was never heard of goes this long after its last credential ran out."""
GUARDS_KEPT = timedelta(days=3)
INBOX_KEPT = timedelta(days=7)
BATCH = 500


async def keep_house(sessions: async_sessionmaker[AsyncSession], now: datetime) -> bool:
    """Forget what is old, withdraw codes that a dead process left exhausted. Whether there is something to publish."""
    async with sessions() as session:
        withdrawn = await guards.withdraw_exhausted(session)
        publish_withdrawn(session, withdrawn, now)
        await session.commit()
    async with sessions() as session:
        await answers.forget(session, now)
        await guards.forget_days(session, (now - GUARDS_KEPT).date())
        await prune_inbox(session, older_than=now - INBOX_KEPT)
        await session.commit()
    forgotten = BATCH
    while forgotten == BATCH:
        async with sessions() as session:
            forgotten = await facts.forget_sessions(
                session, ended_before=now - ENDED_KEPT, outlived=now - OUTLIVED_KEPT, limit=BATCH
            )
            await session.commit()
    return bool(withdrawn)
