"""Message type -> handler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from cleanup_worker import handlers
from cleanup_worker.domain import Fact
from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.pairing import (
    PairingCancelled,
    PairingCodeReplaced,
    PairingExpired,
    PairingMatched,
    PairingWithdrawn,
)
from twotop_common.contracts.session_api import DeadlineSet, FlagChanged, SessionCreated, SessionEnded
from twotop_common.messaging.consumer import Handler
from twotop_common.messaging.delivery import Delivery


def message_handlers(
    sessions: async_sessionmaker[AsyncSession],
    *,
    now: Callable[[], datetime],
    keep: timedelta,
    on_deadline: Callable[[datetime], None],
) -> Mapping[type[Contract], Handler]:
    """One handler for each consumed contract. ``on_deadline`` hears, after the commit, when a fact's subject fires."""

    async def take_in(fact: Fact, delivery: Delivery) -> None:
        fires_at = await handlers.take_in(sessions, fact, delivery.message_id, now=now(), keep=keep)
        if fires_at is not None:
            on_deadline(fires_at)

    async def take_in_flag(flag: FlagChanged, delivery: Delivery) -> None:
        await handlers.take_in_flag(sessions, flag, delivery.message_id)

    return {
        SessionCreated: take_in,
        DeadlineSet: take_in,
        SessionEnded: take_in,
        PairingCodeReplaced: take_in,
        PairingMatched: take_in,
        PairingWithdrawn: take_in,
        PairingExpired: take_in,
        PairingCancelled: take_in,
        FlagChanged: take_in_flag,
    }
