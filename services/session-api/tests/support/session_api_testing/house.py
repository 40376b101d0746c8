"""A session-api running inside the test on real servers, phones that talk to it, and a clock that a test may steer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

from session_api.bootstrap import build
from session_api.sessions.handlers import SessionDeps
from session_api.settings import SessionApiSettings
from session_api.venues.importing import import_venues
from session_api.venues.venue_file import VenueFile
from twotop_common.contracts.envelope import Contract, MessageHeaders
from twotop_common.contracts.registry import Service
from twotop_common.messaging.delivery import Delivery
from twotop_common.messaging.outbox import outbox_record
from twotop_common.messaging.publisher import Publisher
from twotop_common.service_defaults.clock import wall_clock
from twotop_common.service_defaults.database import open_database_at
from twotop_common.service_defaults.lifecycle import running
from twotop_common.testing.eventually import eventually

TABLE = "table-one-token"
OTHER_TABLE = "table-two-token"
DISABLED_TABLE = "table-off-token"
CLOSED_TABLE = "table-shut-token"


async def furnish(database_url: str) -> None:
    """A restaurant that never closes, with a disabled table, and one that never opens."""
    always = {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    open_place = {
        "slug": "corner",
        "name": "Corner",
        "timezone": "Europe/Berlin",
        "language": "de",
        "currency": "EUR",
        "hours": always,
        "tables": [
            {"number": 1, "token": TABLE},
            {"number": 2, "token": OTHER_TABLE},
            {"number": 3, "token": DISABLED_TABLE, "enabled": False},
        ],
    }
    shut_place = {**open_place, "slug": "shut", "hours": {}, "tables": [{"number": 1, "token": CLOSED_TABLE}]}
    file = VenueFile.model_validate(
        {"tenant": {"slug": "corner", "name": "Corner"}, "locations": [open_place, shut_place]}
    )
    async with open_database_at(database_url) as database, database.sessions.begin() as session:
        await import_venues(session, file)


@dataclass
class Phone:
    """A guest's phone in a session."""

    client: httpx.AsyncClient
    session_id: UUID
    participant_id: UUID
    credential: str
    created: dict[str, Any] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.credential}"}

    def path(self, rest: str = "") -> str:
        return f"/api/v1/sessions/{self.session_id}{rest}"

    async def get(self, rest: str = "", **options: Any) -> httpx.Response:
        headers = {**self.headers, **options.pop("headers", {})}
        return await self.client.get(self.path(rest), headers=headers, **options)

    async def post(self, rest: str, **options: Any) -> httpx.Response:
        headers = {**self.headers, **options.pop("headers", {})}
        return await self.client.post(self.path(rest), headers=headers, **options)

    async def command(self, name: str, data: dict[str, Any], *, key: str | None = None, **more: Any) -> httpx.Response:
        body = {"idempotency_key": key or uuid4().hex, "type": name, "data": data, **more}
        return await self.post("/events", json=body)

    async def log(self) -> list[dict[str, Any]]:
        answer = await self.get("/events", params={"limit": 500})
        events: list[dict[str, Any]] = answer.raise_for_status().json()["events"]
        return events


@dataclass
class House:
    """One running instance."""

    client: httpx.AsyncClient
    deps: SessionDeps
    app: Any
    publisher: Publisher

    async def start(self, mode: str = "dual", *, table: str = TABLE, context: str | None = "exploring") -> Phone:
        """A new session and device A's phone in it."""
        answer = await self.client.post(
            "/api/v1/sessions", json={"table_token": table, "mode": mode, "context": context}
        )
        assert answer.status_code == 201, answer.text
        return self.phone(answer.json())

    def phone(self, created: dict[str, Any]) -> Phone:
        participant = created["participant"]
        return Phone(
            self.client,
            UUID(created["session"]["session_id"]),
            UUID(participant["participant_id"]),
            participant["credential"],
            created,
        )

    async def tell(self, fact: Contract, *, source: Service = "pairing", message_id: UUID | None = None) -> None:
        """A fact of another service, through the broker."""
        subject = str(getattr(fact, "session_id", ""))
        record = outbox_record(fact, subject=subject, source=source, message_id=message_id)
        await self.publisher.publish_fact(record.message_id, record.type, record.body, {})


def delivery(message_id: UUID | None = None) -> Delivery:
    """The envelope of a message that a test hands to a handler itself."""
    return Delivery(message_id or uuid4(), "", "pairing", "", datetime.now(UTC), MessageHeaders(), 1)


@asynccontextmanager
async def running_house(settings: SessionApiSettings, now: Callable[[], datetime] = wall_clock) -> AsyncIterator[House]:
    """A built and running session-api, reached without a network."""
    async with build(settings, now) as runtime, running(runtime):
        app: Any = runtime.app
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://house", timeout=30) as client:
            api = app.state.sessions
            publisher = api.deps.log._publish_hint.__self__
            await eventually(lambda: publisher.connected)
            yield House(client, api.deps, app, publisher)


def in_minutes(minutes: float) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)
