"""A house for one test: the owner's double, a broker vhost, a database, Redis, and as many gateways as wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson
import uvicorn
from pamqp.commands import Basic

from gateway_testing.owner_double import Guest, OwnerDouble, Table
from gateway_testing.phones import TestPhone
from gateway_testing.serving import serving
from realtime_gateway import queries
from realtime_gateway.api import SocketApp
from realtime_gateway.bootstrap import build
from realtime_gateway.main import WIRE
from realtime_gateway.settings import GatewaySettings
from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.session_log import PHONE_COMMAND_QUEUE
from twotop_common.messaging.connection import BrokerConnection
from twotop_common.messaging.outbox import outbox_record
from twotop_common.messaging.publisher import Publisher
from twotop_common.messaging.rpc import RpcServer
from twotop_common.service_defaults.lifecycle import Runtime, running
from twotop_common.testing.eventually import eventually


@dataclass
class RunningGateway:
    """One gateway instance inside the test."""

    url: str
    runtime: Runtime
    server: uvicorn.Server

    def phone(self, table: Table | Any, **options: Any) -> TestPhone:
        return TestPhone(self.url, table.session_id if isinstance(table, Table) else table, **options)

    @property
    def sockets(self) -> Any:
        app = self.runtime.app
        assert isinstance(app, SocketApp)
        return app._sockets

    @property
    def rooms(self) -> Any:
        return self.sockets._rooms

    @property
    def handlers(self) -> Any:
        return self.attendance._handlers

    @property
    def queries(self) -> Any:
        return queries

    @property
    def attendance(self) -> Any:
        return self.sockets._attendance


@dataclass
class House:
    """Everything around the gateways. ``settings`` are the defaults of each gateway started."""

    owner: OwnerDouble
    publisher: Publisher
    broker: BrokerConnection
    settings: dict[str, Any]
    stack: AsyncExitStack
    gateways: list[RunningGateway] = field(default_factory=list)
    heard: list[dict[str, Any]] = field(default_factory=list)

    async def gateway(self, **overrides: Any) -> RunningGateway:
        """Start one more instance; it runs to the end of the test."""
        gateway = await self.stack.enter_async_context(self.start(**overrides))
        self.gateways.append(gateway)
        return gateway

    @asynccontextmanager
    async def start(self, **overrides: Any) -> AsyncIterator[RunningGateway]:
        """An instance for a part of a test; left, it stops like on SIGTERM."""
        settings = GatewaySettings(**{**self.settings, "instance": f"gateway-{uuid4().hex[:6]}", **overrides})
        async with build(settings) as runtime, running(runtime), serving(runtime.app, ws=WIRE) as (url, server):
            gateway = RunningGateway(url, runtime, server)
            if overrides.get("wait", True):
                await eventually(lambda: runtime.health is not None and _connected(gateway))
            yield gateway

    async def open_table(self, **overrides: Any) -> tuple[RunningGateway, Table]:
        """An instance, and a session of two guests whom it knows."""
        gateway = await self.gateway(**overrides)
        table = self.owner.seat()
        await self.registered(gateway, table)
        return gateway, table

    async def tell(self, fact: Contract, *, session_id: object) -> None:
        """Publish a fact as session-api does."""
        record = outbox_record(fact, subject=str(session_id), source="session-api")
        await eventually(lambda: self.publisher.connected)
        await self.publisher.publish_fact(record.message_id, record.type, record.body, {})

    async def published(self, name: str) -> list[dict[str, Any]]:
        """Bodies of the facts of this type that session-api's queue holds by now."""
        connection = await self.broker.get()
        channel = await connection.channel()
        while isinstance((message := await channel.basic_get("session-api", no_ack=True)).delivery, Basic.GetOk):
            self.heard.append(orjson.loads(message.body))
        await channel.close()
        return [envelope["data"] for envelope in self.heard if envelope["type"] == name]

    async def registered(self, gateway: RunningGateway, table: Table, *guests: Guest) -> None:
        """The gateway's own table knows these guests (all of the session when none are named)."""
        for guest in guests or table.guests:
            await gateway.handlers.register(
                table.session_id, guest.participant_id, guest.role, guest.generation, table.last_seq
            )


def _connected(gateway: RunningGateway) -> bool:
    rooms, sockets = gateway.rooms, gateway.sockets
    return bool(rooms._shards.connected and sockets._commands._rpc.connected)


@asynccontextmanager
async def open_house(database_url: str, broker_url: str, redis_url: str) -> AsyncIterator[House]:
    """A house without any gateway yet."""
    base = GatewaySettings(environment="test")
    owner = OwnerDouble(base.credential_signer, base.credential_verifier)
    broker = BrokerConnection(broker_url, "owner-double")
    publisher = Publisher(broker)
    owner.publish = publisher.publish_hint_bytes
    rpc = RpcServer(broker, PHONE_COMMAND_QUEUE, owner.answer)
    tasks = [asyncio.create_task(work()) for work in (broker.run, publisher.run, rpc.run)]
    try:
        async with AsyncExitStack() as stack:
            owner_url, _ = await stack.enter_async_context(serving(owner.app))
            settings = {
                "environment": "test",
                "database_url": database_url,
                "broker_url": broker_url,
                "redis_url": redis_url,
                "session_api_url": owner_url,
                "registration_wait_s": 1.0,
            }
            await eventually(lambda: publisher.connected and rpc.connected)
            yield House(owner, publisher, broker, settings, stack)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
