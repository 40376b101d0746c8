"""The whole service in this process: real broker, HTTP without a network, a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from pairing.bootstrap import build
from pairing.settings import PairingSettings
from pairing_testing.house import Seated
from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.registry import REGISTRY
from twotop_common.messaging.connection import open_broker
from twotop_common.messaging.outbox import outbox_record
from twotop_common.messaging.publisher import Publisher
from twotop_common.service_defaults.lifecycle import running
from twotop_common.testing.eventually import eventually
from twotop_common.testing.fakes import Clock

JOIN = "/api/v1/sessions/join-dual"


@dataclass(frozen=True, slots=True)
class Served:
    """One running instance and its client."""

    client: httpx.AsyncClient

    async def join(
        self, seated: Seated, code: str | None = None, *, key: str | None = None, client: str = "127.0.0.9", **more: Any
    ) -> httpx.Response:
        headers = {"X-Twotop-Client": client} | ({} if key is None else {"Idempotency-Key": key})
        body = {"table_token": seated.table_token, "code": code or seated.code, **more}
        return await self.client.post(JOIN, json=body, headers=headers)

    async def new_code(
        self, seated: Seated, *, key: str | None = None, credential: str | None = None
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {credential or seated.credential}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return await self.client.post(f"/api/v1/sessions/{seated.id}/pairing-code", headers=headers)

    async def alone(self, seated: Seated) -> httpx.Response:
        return await self.client.delete(
            f"/api/v1/sessions/{seated.id}/pairing-code", headers={"Authorization": f"Bearer {seated.credential}"}
        )


class Others:
    """The other services: they publish facts and commands."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def say(self, message: Contract) -> None:
        session_id = getattr(message, "session_id", "")
        record = outbox_record(message, subject=str(session_id), source=REGISTRY.of(message).owner)
        await self._publisher.publish_fact(record.message_id, record.type, record.body, {})


@asynccontextmanager
async def serve(settings: PairingSettings, clock: Clock | None = None) -> AsyncIterator[Served]:
    """An instance that is connected and has an up-to-date view."""
    async with AsyncExitStack() as stack:
        built = build(settings) if clock is None else build(settings, clock)
        runtime = await stack.enter_async_context(built)
        await stack.enter_async_context(running(runtime))
        transport = httpx.ASGITransport(app=runtime.app, raise_app_exceptions=False)
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://pairing"))

        async def connected() -> bool:
            report = (await client.get("/health/detailed")).json()
            return bool(report["dependencies"]["broker"]["status"] == "ok")

        await eventually(connected)
        yield Served(client)


@asynccontextmanager
async def open_others(broker_url: str) -> AsyncIterator[Others]:
    """The other services on this broker."""
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(open_broker(broker_url, "others"))
        publisher = Publisher(broker)
        tasks = await stack.enter_async_context(_background(broker.run, publisher.run))
        await eventually(lambda: publisher.connected and bool(tasks))
        yield Others(publisher)


@asynccontextmanager
async def _background(*runs: Any) -> AsyncIterator[list[Any]]:
    tasks = [asyncio.create_task(run()) for run in runs]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
