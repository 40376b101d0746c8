"""Codes that five wrong tries have used up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from pairing.queries.guards import Code
from twotop_common.contracts.pairing import PairingWithdrawn
from twotop_common.messaging.outbox import enqueue
from twotop_common.service_defaults.logging import get_logger

log = get_logger(__name__)


def publish_withdrawn(session: AsyncSession, codes: Sequence[Code], now: datetime) -> None:
    """Tell of withdrawn codes, in the transaction that withdrew them."""
    for session_id, generation in codes:
        message = PairingWithdrawn(session_id=session_id, generation=generation, withdrawn_at=now)
        enqueue(session, message, subject=str(session_id), source="pairing")
        log.info("pairing.withdrawn", session_id=str(session_id), generation=generation)
