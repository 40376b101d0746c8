"""The only place where session-api's real adapters are built and joined."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any

import asyncpg
from fastapi import FastAPI

from session_api.analytics.metrics import tell_tables
from session_api.analytics.queries import tables_by_live_sessions
from session_api.play.api import PlayApi
from session_api.play.api import router as play_router
from session_api.play.shelf import QuestionShelf
from session_api.presence.sightings import Sightings
from session_api.presence.waiting_wishes import WaitingWishes
from session_api.sessions import queries
from session_api.sessions.api import SessionsApi
from session_api.sessions.api import internal_router as sessions_internal
from session_api.sessions.api import router as sessions_router
from session_api.sessions.consumers import message_handlers, phone_commands
from session_api.sessions.fast_path import add_fast_path
from session_api.sessions.handlers import CREDENTIAL_KEY_KEPT, SessionDeps
from session_api.sessions.handlers.follow_services import release_wishes
from session_api.sessions.lanes import LANES, StoreLanes
from session_api.sessions.log import SessionLog
from session_api.sessions.store import SessionStore
from session_api.settings import SessionApiSettings
from session_api.venues.api import VenuesApi
from session_api.venues.api import router as venues_router
from twotop_common.contracts.session_log import PHONE_COMMAND_QUEUE, PHONE_COMMAND_TTL_MS
from twotop_common.messaging.connection import open_broker
from twotop_common.messaging.consumer import Consumer
from twotop_common.messaging.outbox import OutboxRelay
from twotop_common.messaging.publisher import Publisher
from twotop_common.messaging.rpc import RpcServer
from twotop_common.service_defaults.app import create_app
from twotop_common.service_defaults.clock import wall_clock
from twotop_common.service_defaults.database import looks_unavailable, open_database, open_pool
from twotop_common.service_defaults.feature_flags import DUAL_PAIRING_CODE_ENABLED, FeatureFlags
from twotop_common.service_defaults.health import Health, broker_check, pool_check, redis_check
from twotop_common.service_defaults.lifecycle import Runtime
from twotop_common.service_defaults.logging import get_logger
from twotop_common.service_defaults.rate_limits import RateLimiter

log = get_logger(__name__)

TITLE = "Twotop session API"
HOUSEKEEPING_S = 60.0


class Epoch:
    """The name of the database's history, read anew with every connection: a failover breaks those there were."""

    def __init__(self) -> None:
        self._value = ""

    def __call__(self) -> str:
        return self._value

    async def read(self, connection: queries.Connection) -> None:
        self._value = await queries.epoch(connection)


@asynccontextmanager
async def build(settings: SessionApiSettings, now: Callable[[], datetime] = wall_clock) -> AsyncIterator[Runtime]:
    """The service, ready to run. ``now`` is the clock that decides about limits."""
    epoch = Epoch()
    async with (
        open_database(settings) as database,
        open_pool(settings, on_connected=epoch.read) as pool,
        open_broker(settings.broker_url, settings.service) as broker,
    ):
        publisher = Publisher(broker)
        relay = OutboxRelay(settings.database_url, publisher, service=settings.service, limit=settings.outbox_limit)
        flags = FeatureFlags(database.sessions, {DUAL_PAIRING_CODE_ENABLED: settings.dual_pairing_code_enabled})
        await flags.load()
        shelf = QuestionShelf(database.sessions)
        await shelf.refresh()
        sightings = Sightings(pool, now, publish_hint=publisher.publish_hint, wake_relay=relay.wake)
        waiting_wishes = WaitingWishes(pool, now, sightings)
        store = StoreLanes(
            [SessionStore(settings.database_url, on_connected=epoch.read, epoch=epoch) for _ in range(LANES)]
        )
        deps = SessionDeps(
            log=SessionLog(
                pool=pool,
                store=store,
                shelf=shelf,
                now=now,
                publish_hint=publisher.publish_hint,
                wake_relay=relay.wake,
                epoch=epoch,
            ),
            sightings=sightings,
            waiting_wishes=waiting_wishes,
            pool=pool,
            engine=database.engine,
            flags=flags,
            key_ring=settings.key_ring,
            signer=settings.credential_signer,
            verifier=settings.credential_verifier,
            public_origin=settings.public_origin.rstrip("/"),
            now=now,
            epoch=epoch,
            wake_relay=relay.wake,
        )
        limiter = RateLimiter(
            settings.redis_url, settings.rate_limit_key.get_secret_value(), enabled=settings.rate_limits_enabled
        )
        consumer = Consumer(broker, settings.service, message_handlers(deps))
        commands = RpcServer(
            broker,
            PHONE_COMMAND_QUEUE,
            phone_commands(deps, lambda: relay.refusing),
            ttl_ms=PHONE_COMMAND_TTL_MS,
        )
        health = Health(settings.service, [pool_check(pool), broker_check(broker), redis_check(settings.redis_url)])
        app = make_app(settings, health)
        app.state.sessions = SessionsApi(deps, limiter, lambda: relay.refusing)
        app.state.play = PlayApi(shelf, limiter)
        app.state.venues = VenuesApi(
            database.sessions, limiter, dual_enabled=lambda: flags.enabled(DUAL_PAIRING_CODE_ENABLED), now=now
        )
        try:
            yield Runtime(
                app=app,
                background={
                    "broker": broker.run,
                    "publisher": publisher.run,
                    "relay": relay.run,
                    "consumer": consumer.run,
                    "commands": commands.run,
                    "store": store.run,
                    "flags": flags.run,
                    "questions": shelf.run,
                    "sightings": sightings.run,
                    "waiting_wishes": partial(waiting_wishes.run, partial(release_wishes, deps)),
                    "new_wishes": partial(waiting_wishes.follow_new, partial(release_wishes, deps)),
                    "housekeeping": lambda: _keep_house(pool, sightings, now),
                },
                stop=[commands.stop, consumer.stop, sightings.flush, relay.flush],
                health=health,
            )
        finally:
            await limiter.close()


def make_app(settings: SessionApiSettings, health: Health) -> FastAPI:
    """The HTTP application; ``build`` gives it what it works with."""
    app = create_app(
        settings,
        title=TITLE,
        health=health,
        routers=[venues_router, sessions_router, play_router],
        internal_routers=[sessions_internal],
    )
    add_fast_path(app)
    return app


async def _keep_house(pool: asyncpg.Pool[Any], sightings: Sightings, now: Callable[[], datetime]) -> None:
    while True:
        try:
            tell_tables(await tables_by_live_sessions(pool, now()))
            await queries.forget_creations(pool, now())
            await queries.forget_renewals(pool, now() - CREDENTIAL_KEY_KEPT)
            await sightings.forget_old()
        except Exception as error:
            if not looks_unavailable(error):
                raise
            log.warning("housekeeping.failed", error=type(error).__name__)
        await asyncio.sleep(HOUSEKEEPING_S)
