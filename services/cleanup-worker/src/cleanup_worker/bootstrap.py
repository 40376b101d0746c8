"""The only place where the worker's real adapters are built and joined."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from cleanup_worker import handlers
from cleanup_worker.alarm import Alarm
from cleanup_worker.consumers import message_handlers
from cleanup_worker.settings import CleanupSettings
from twotop_common.messaging.connection import open_broker
from twotop_common.messaging.consumer import Consumer
from twotop_common.messaging.outbox import OutboxRelay
from twotop_common.messaging.publisher import Publisher
from twotop_common.service_defaults.app import create_app
from twotop_common.service_defaults.clock import wall_clock
from twotop_common.service_defaults.database import looks_unavailable, open_database
from twotop_common.service_defaults.health import Health, broker_check, database_check
from twotop_common.service_defaults.lifecycle import Runtime
from twotop_common.service_defaults.logging import get_logger

log = get_logger(__name__)

HOUSEKEEPING_S = 60.0
ANSWERS_AT_ONCE = 4


@asynccontextmanager
async def build(settings: CleanupSettings, now: Callable[[], datetime] = wall_clock) -> AsyncIterator[Runtime]:
    """The worker, ready to run. ``now`` is the clock that decides what is due."""
    keep = timedelta(hours=settings.tombstone_hours)
    async with open_database(settings) as database, open_broker(settings.broker_url, settings.service) as broker:
        publisher = Publisher(broker)
        relay = OutboxRelay(
            settings.database_url,
            publisher,
            service=settings.service,
            batch=settings.claim_batch,
            limit=settings.outbox_limit,
        )

        async def ring() -> datetime | None:
            # With the broker away, or slow, questions would only pile up in the outbox; what is due stays due.
            while publisher.connected and not relay.refusing:
                asked = await handlers.ask_owners(database.sessions, now=now(), batch=settings.claim_batch)
                if asked.commands:
                    relay.wake()
                if not asked.more:
                    return asked.fires_at
            return None

        alarm = Alarm(ring, now, timedelta(seconds=settings.check_every_s))
        consumer = Consumer(
            broker,
            settings.service,
            message_handlers(database.sessions, now=now, keep=keep, on_deadline=alarm.set),
            # Answers to a burst must not hold up the questions that are still to be asked.
            concurrency=ANSWERS_AT_ONCE,
        )
        health = Health(settings.service, [database_check(database.engine), broker_check(broker)])
        yield Runtime(
            app=create_app(settings, title="Cleanup worker", health=health),
            background={
                "broker": broker.run,
                "publisher": publisher.run,
                "relay": relay.run,
                "consumer": consumer.run,
                "alarm": alarm.run,
                "housekeeping": lambda: _keep_house(database.sessions, now, keep),
            },
            stop=[consumer.stop, relay.flush],
            health=health,
        )


async def _keep_house(sessions: async_sessionmaker[AsyncSession], now: Callable[[], datetime], keep: timedelta) -> None:
    while True:
        try:
            await handlers.forget_old(sessions, now=now(), keep=keep)
        except Exception as error:
            if not looks_unavailable(error):
                raise
            log.warning("housekeeping.failed", error=type(error).__name__)
        await asyncio.sleep(HOUSEKEEPING_S)
