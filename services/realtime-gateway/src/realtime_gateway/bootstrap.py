"""The only place where adapters are built and joined."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
from pydantic import ValidationError
from redis.asyncio import Redis

from realtime_gateway import metrics
from realtime_gateway.admission import Admission, Waiters
from realtime_gateway.api import SocketApp
from realtime_gateway.attendance import Attendance
from realtime_gateway.commands import Commands
from realtime_gateway.consumers import handlers_of
from realtime_gateway.domain.silence import Patience, silence_limit_s
from realtime_gateway.handlers import Handlers
from realtime_gateway.owner import Owner
from realtime_gateway.presence_memory import PresenceMemory
from realtime_gateway.recovery import Recovery
from realtime_gateway.rooms import Rooms
from realtime_gateway.settings import GatewaySettings
from realtime_gateway.sockets import Sockets
from twotop_common.contracts.session_log import LogHint, PresenceHint
from twotop_common.messaging.connection import open_broker
from twotop_common.messaging.consumer import Consumer
from twotop_common.messaging.fanout import FanOutSubscription, decode_hint
from twotop_common.messaging.outbox import OutboxRelay
from twotop_common.messaging.publisher import Publisher
from twotop_common.messaging.rpc import RpcClient
from twotop_common.service_defaults.app import create_app
from twotop_common.service_defaults.database import open_database
from twotop_common.service_defaults.health import Health, broker_check, connected_check, database_check, redis_check
from twotop_common.service_defaults.lifecycle import Runtime

OWNER_CONNECTIONS = 64


@asynccontextmanager
async def build(settings: GatewaySettings) -> AsyncIterator[Runtime]:
    """Everything joined, nothing started."""
    limits = httpx.Limits(max_connections=OWNER_CONNECTIONS, max_keepalive_connections=OWNER_CONNECTIONS)
    redis = Redis.from_url(settings.redis_url, socket_timeout=1, socket_connect_timeout=1)
    async with (
        open_database(settings) as database,
        open_broker(settings.broker_url, settings.instance) as broker,
        httpx.AsyncClient(
            base_url=settings.session_api_url, timeout=settings.owner_timeout_s, limits=limits, trust_env=False
        ) as client,
        redis,
    ):
        publisher = Publisher(broker)
        relay = OutboxRelay(settings.database_url, publisher, service=settings.service, limit=settings.outbox_limit)
        handlers = Handlers(database.engine, instance_id=uuid4(), name=settings.instance, wake=relay.wake)
        owner = Owner(client)
        waiters = Waiters()

        def on_hint(shard: str, body: bytes) -> None:
            try:
                hint = decode_hint(body)
            except ValidationError:
                metrics.HINTS_REFUSED.inc()
                return
            if isinstance(hint, LogHint):
                rooms.on_log_hint(hint)
            elif isinstance(hint, PresenceHint):
                attendance.on_presence_hint(hint)
            else:
                attendance.on_polling_hint(hint)

        async def on_fan_out_connected() -> None:
            await rooms.on_fan_out_connected()

        subscription = FanOutSubscription(broker, on_hint, on_fan_out_connected)
        rooms = Rooms(owner, subscription, on_roster_news=waiters.wake)
        attendance = Attendance(
            handlers,
            rooms,
            PresenceMemory(redis),
            publisher.publish_hint,
            instance=settings.instance,
            gone_after_s=settings.gone_after_s,
        )
        rpc = RpcClient(broker)
        sockets = Sockets(
            verifier=settings.credential_verifier,
            rooms=rooms,
            admission=Admission(handlers, owner, waiters, wait_s=settings.registration_wait_s),
            attendance=attendance,
            recovery=Recovery(owner, rooms, heartbeat_s=settings.heartbeat_s, timeout_s=settings.recovery_timeout_s),
            commands=Commands(rpc, rooms, timeout_s=settings.command_timeout_s),
            patience=Patience(silence_limit_s(settings.heartbeat_s), settings.probe_after_s, settings.probe_timeout_s),
        )
        consumer = Consumer(broker, settings.service, handlers_of(handlers, rooms, waiters))
        health = Health(
            settings.service,
            [
                database_check(database.engine),
                broker_check(broker),
                connected_check("fan-out", subscription, critical=False),
                redis_check(settings.redis_url),
            ],
        )
        http = create_app(settings, title="Twotop realtime gateway", health=health)
        app = SocketApp(http, sockets, origins=settings.origins, auth_timeout_s=settings.auth_timeout_s)
        yield Runtime(
            app=app,
            background={
                "broker": broker.run,
                "publisher": publisher.run,
                "relay": relay.run,
                "consumer": consumer.run,
                "fan-out": subscription.run,
                "rpc": rpc.run,
                "heads": lambda: rooms.keep_comparing(settings.compare_heads_s),
                "reconcile": lambda: attendance.keep_reconciling(settings.gone_after_s),
                "heartbeats": sockets.keep_sweeping,
                "gone": attendance.keep_sweeping,
                "beat": lambda: attendance.keep_beating(settings.instance_beat_s),
            },
            before_stop=[attendance.drain],
            stop=[consumer.stop, rooms.stop, relay.flush],
            health=health,
        )
