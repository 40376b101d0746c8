"""Message type -> handler. Each message's effect and its inbox row are one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from pairing.handlers import follow_facts
from pairing.handlers.expire import expire_code
from twotop_common.contracts.cleanup_worker import ExpirePairing
from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.realtime_gateway import ParticipantConnected, ParticipantGone
from twotop_common.contracts.session_api import (
    FlagChanged,
    ParticipantLeft,
    ParticipantPolling,
    ParticipantRenewed,
    SessionCreated,
    SessionEnded,
)
from twotop_common.messaging.consumer import Handler
from twotop_common.messaging.delivery import Delivery
from twotop_common.messaging.inbox import first_time
from twotop_common.service_defaults.feature_flags import FeatureFlags, apply_flag

CONSUMER = "pairing"


def message_handlers(
    sessions: async_sessionmaker[AsyncSession],
    flags: FeatureFlags,
    *,
    now: Callable[[], datetime],
    wake: Callable[[], None],
) -> Mapping[type[Contract], Handler]:
    """One handler for each consumed contract."""

    def once(take_in: Callable[[AsyncSession, Any], Awaitable[None]]) -> Handler:
        async def handle(message: Any, delivery: Delivery) -> None:
            async with sessions() as session, session.begin():
                if await first_time(session, CONSUMER, delivery.message_id):
                    await take_in(session, message)

        return handle

    async def created(message: SessionCreated, delivery: Delivery) -> None:
        async with sessions() as session, session.begin():
            if await first_time(session, CONSUMER, delivery.message_id):
                await follow_facts.take_in_session(session, message, delivery.time)

    async def expire(message: ExpirePairing, delivery: Delivery) -> None:
        async with sessions() as session, session.begin():
            first = await first_time(session, CONSUMER, delivery.message_id)
            expired = first and await expire_code(session, message, now())
        if expired:
            wake()

    async def flag(message: FlagChanged, delivery: Delivery) -> None:
        async with sessions() as session, session.begin():
            await apply_flag(session, message)
        await flags.load()

    return {
        SessionCreated: created,
        SessionEnded: once(follow_facts.take_in_end),
        ParticipantRenewed: once(follow_facts.take_in_renewal),
        ParticipantLeft: once(follow_facts.take_in_leaving),
        ParticipantGone: once(follow_facts.take_in_gone),
        ParticipantConnected: once(follow_facts.take_in_connected),
        ParticipantPolling: once(follow_facts.take_in_polling),
        ExpirePairing: expire,
        FlagChanged: flag,
    }
