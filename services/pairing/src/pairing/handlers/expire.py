"""Codes that run out unused: when they are due, and as soon as their phone joins another session."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from pairing.handlers.invite import admitted
from pairing.queries import pairings
from twotop_common.contracts.cleanup_worker import ExpirePairing
from twotop_common.contracts.pairing import PairingExpired
from twotop_common.credentials import ParticipantClaims
from twotop_common.messaging.outbox import enqueue
from twotop_common.service_defaults.logging import get_logger
from twotop_common.service_defaults.problems import Problem

log = get_logger(__name__)


async def expire_code(session: AsyncSession, command: ExpirePairing, now: datetime) -> bool:
    """Expire the code if it is due by our own clock. Whether it did; asked too early, the worker asks again."""
    return await _expire(session, command.session_id, command.generation, now, due_by=now)


async def expire_left_code(session: AsyncSession, claims: ParticipantClaims, table_token: str, now: datetime) -> None:
    """Expire the code of the session at this table that device A leaves; claims of anybody else change nothing.

    Call this with the table's place held: the rows of two sessions are locked.
    """
    try:
        left = await admitted(session, claims, claims.session_id)
    except Problem:
        return
    if left is not None and left.table_token == table_token:
        await _expire(session, left.session_id, left.generation, now)


async def _expire(
    session: AsyncSession, session_id: UUID, generation: int, now: datetime, *, due_by: datetime | None = None
) -> bool:
    if not await pairings.expire(session, session_id, generation, due_by=due_by):
        return False
    message = PairingExpired(session_id=session_id, generation=generation, expired_at=now)
    enqueue(session, message, subject=str(session_id), source="pairing")
    log.info("pairing.expired", session_id=str(session_id), generation=generation)
    return True
