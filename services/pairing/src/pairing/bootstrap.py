"""The only place where pairing's real adapters are built and joined."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from pairing.api import make_router
from pairing.consumers import message_handlers
from pairing.handlers.keep_house import keep_house
from pairing.handlers.surroundings import Surroundings
from pairing.settings import PairingSettings
from twotop_common.messaging.connection import open_broker
from twotop_common.messaging.consumer import Consumer
from twotop_common.messaging.outbox import OutboxRelay
from twotop_common.messaging.publisher import Publisher
from twotop_common.service_defaults.app import create_app
from twotop_common.service_defaults.clock import wall_clock
from twotop_common.service_defaults.database import looks_unavailable, open_database
from twotop_common.service_defaults.feature_flags import DUAL_PAIRING_CODE_ENABLED, FeatureFlags
from twotop_common.service_defaults.health import Health, broker_check, database_check, redis_check
from twotop_common.service_defaults.lifecycle import Runtime
from twotop_common.service_defaults.logging import get_logger
from twotop_common.service_defaults.rate_limits import RateLimiter

log = get_logger(__name__)

DESCRIPTION = "Pairing codes and their redemption: how a second phone joins a dual session."


@asynccontextmanager
async def build(settings: PairingSettings, now: Callable[[], datetime] = wall_clock) -> AsyncIterator[Runtime]:
    """Pairing, ready to run. ``now`` is the clock that decides whether a code is still valid."""
    async with open_database(settings) as database, open_broker(settings.broker_url, settings.service) as broker:
        publisher = Publisher(broker)
        relay = OutboxRelay(settings.database_url, publisher, service=settings.service, limit=settings.outbox_limit)
        flags = FeatureFlags(database.sessions, {DUAL_PAIRING_CODE_ENABLED: settings.dual_pairing_code_enabled})
        await flags.load()
        consumer = Consumer(
            broker, settings.service, message_handlers(database.sessions, flags, now=now, wake=relay.wake)
        )
        limiter = RateLimiter(
            settings.redis_url, settings.rate_limit_key.get_secret_value(), enabled=settings.rate_limits_enabled
        )
        surroundings = Surroundings(
            sessions=database.sessions,
            key_ring=settings.key_ring,
            signer=settings.credential_signer,
            verifier=settings.credential_verifier,
            flags=flags,
            now=now,
            behind_s=lambda: consumer.behind_s,
            refusing=lambda: relay.refusing,
            wake=relay.wake,
            public_origin=settings.public_origin.rstrip("/"),
        )
        health = Health(
            settings.service,
            [database_check(database.engine), broker_check(broker), redis_check(settings.redis_url)],
        )
        try:
            yield Runtime(
                app=_application(settings, surroundings, limiter, health),
                background={
                    "broker": broker.run,
                    "publisher": publisher.run,
                    "relay": relay.run,
                    "consumer": consumer.run,
                    "flags": flags.run,
                    "housekeeping": lambda: _keep_house(
                        database.sessions, now, relay.wake, settings.housekeeping_every_s
                    ),
                },
                stop=[consumer.stop, relay.flush],
                health=health,
            )
        finally:
            await limiter.close()


def openapi_app() -> FastAPI:
    """The application for its OpenAPI document: nothing behind it is connected."""
    settings = PairingSettings(environment="development")
    engine = create_async_engine(settings.sqlalchemy_url)
    sessions = async_sessionmaker(engine)
    surroundings = Surroundings(
        sessions=sessions,
        key_ring=settings.key_ring,
        signer=settings.credential_signer,
        verifier=settings.credential_verifier,
        flags=FeatureFlags(sessions, {DUAL_PAIRING_CODE_ENABLED: True}),
        now=wall_clock,
        behind_s=lambda: float("inf"),
        refusing=lambda: False,
        wake=lambda: None,
        public_origin=settings.public_origin,
    )
    limiter = RateLimiter(settings.redis_url, settings.rate_limit_key.get_secret_value(), enabled=False)
    return _application(settings, surroundings, limiter, Health(settings.service, []))


def _application(
    settings: PairingSettings, surroundings: Surroundings, limiter: RateLimiter, health: Health
) -> FastAPI:
    return create_app(
        settings,
        title="Twotop pairing",
        description=DESCRIPTION,
        health=health,
        routers=[make_router(surroundings, limiter)],
    )


async def _keep_house(
    sessions: async_sessionmaker[AsyncSession], now: Callable[[], datetime], wake: Callable[[], None], every_s: float
) -> None:
    while True:
        try:
            if await keep_house(sessions, now()):
                wake()
        except Exception as error:
            if not looks_unavailable(error):
                raise
            log.warning("housekeeping.database_away", error=type(error).__name__)
        await asyncio.sleep(every_s)
