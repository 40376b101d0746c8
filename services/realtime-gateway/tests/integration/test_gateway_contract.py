"""What every service promises the others, and the gateway's migrations."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlmodel import SQLModel

from realtime_gateway.bootstrap import build
from realtime_gateway.settings import GatewaySettings
from realtime_gateway.tables import EndedSession, Instance, Registration
from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.session_api import (
    FlagChanged,
    ParticipantAdmitted,
    ParticipantLeft,
    ParticipantRenewed,
    SessionCreated,
    SessionEnded,
    TablePlace,
)
from twotop_common.credentials import ParticipantClaims
from twotop_common.messaging.outbox import OutboxRow
from twotop_common.service_defaults.lifecycle import Runtime
from twotop_common.service_defaults.migrations import downgrade, migrate
from twotop_common.testing.contract_suite import Place, RunningService, ServiceContractSuite
from twotop_common.testing.eventually import eventually

pytestmark = pytest.mark.integration


class TestContract(ServiceContractSuite[GatewaySettings]):
    settings_class = GatewaySettings
    package = "realtime_gateway"

    def build(self, settings: GatewaySettings) -> AbstractAsyncContextManager[Runtime]:
        return build(settings)

    def example(self) -> Contract:
        return ParticipantAdmitted(session_id=uuid4(), seq=2, participant_id=uuid4(), role="B", generation=1)

    async def effects(self, database_url: str, message: Contract) -> int:
        assert isinstance(message, ParticipantAdmitted)
        rows = await fetch(
            database_url,
            "SELECT generation FROM registrations WHERE session_id = $1 AND participant_id = $2",
            message.session_id,
            message.participant_id,
        )
        return len(rows)

    async def produce(self, service: RunningService) -> None:
        now = datetime.now(UTC)
        claims = ParticipantClaims(uuid4(), uuid4(), "A", 1, now, now + timedelta(hours=1))
        app: Any = service.runtime.app
        await app._sockets._attendance._handlers.connect(claims)

    async def test_facts_in_any_order_leave_the_same_registrations(self, place: Place) -> None:
        session_id, a, b = uuid4(), uuid4(), uuid4()
        now = datetime.now(UTC)
        seat = TablePlace(location_id=uuid4(), table_id=uuid4(), table_token="t", timezone="UTC", day_starts_at_hour=4)
        told: list[Contract] = [
            SessionEnded(session_id=session_id, seq=9, state="closed", reason="guest", ended_at=now),
            ParticipantLeft(session_id=session_id, seq=6, participant_id=b, role="B"),
            ParticipantRenewed(session_id=session_id, seq=5, participant_id=a, generation=3),
            ParticipantRenewed(session_id=session_id, seq=4, participant_id=a, generation=2),
            ParticipantAdmitted(session_id=session_id, seq=3, participant_id=b, role="B", generation=1),
            SessionCreated(
                session_id=session_id,
                seq=1,
                mode="dual",
                place=seat,
                participant_id=a,
                role="A",
                generation=1,
                pairing=None,
                due_at=now,
                credential_expires_at=now,
            ),
            FlagChanged(name="ANY", enabled=True, version=1),
        ]
        async with self.running(place), self.broker(place) as channel:
            for message in [*told, *reversed(told)]:
                await self.send(channel, self.encode(message))
            last = self.example()
            await self.send(channel, self.encode(last))
            await eventually(lambda: self.has_effect(place, last))
            await eventually(lambda: self.is_idle(place))
            expected = {(a, "A", 3, False, 5), (b, "B", 1, True, 6)}

            async def merged() -> bool:
                rows = await fetch(
                    place.database_url,
                    "SELECT participant_id, role, generation, has_left, seq FROM registrations WHERE session_id = $1",
                    session_id,
                )
                return {tuple(row) for row in rows} == expected

            await eventually(merged)
            assert len(await fetch(place.database_url, "SELECT 1 FROM ended_sessions")) == 1


async def fetch(database_url: str, query: str, *arguments: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(database_url)
    try:
        return list(await connection.fetch(query, *arguments))
    finally:
        await connection.close()


async def test_migrations_go_up_down_and_up_on_data(service_database: Any) -> None:
    url = await service_database("realtime_gateway")
    await fetch(url, "INSERT INTO registrations (session_id, participant_id) VALUES ($1, $2)", uuid4(), uuid4())
    await fetch(url, "INSERT INTO instances (instance_id, name) VALUES ($1, 'one')", uuid4())
    await asyncio.to_thread(downgrade, url, "realtime_gateway")
    assert [row["tablename"] for row in await tables(url)] == ["alembic_version"]
    await asyncio.to_thread(migrate, url, "realtime_gateway")
    await asyncio.to_thread(migrate, url, "realtime_gateway")
    assert await fetch(url, "SELECT * FROM registrations") == []


async def test_the_tables_in_code_are_those_of_the_migrations(service_database: Any) -> None:
    url = await service_database("realtime_gateway")
    found: dict[str, set[str]] = {}
    for row in await fetch(
        url, "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    ):
        found.setdefault(row["table_name"], set()).add(row["column_name"])
    del found["alembic_version"]
    ours: list[type[SQLModel]] = [Registration, EndedSession, Instance, OutboxRow]
    assert found == {model.__tablename__: set(model.model_fields) for model in ours}


async def tables(url: str) -> list[asyncpg.Record]:
    return await fetch(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
