"""What every service promises the others, kept by session-api."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID, uuid4

import asyncpg
import pytest
from session_api_testing.builders import created
from session_api_testing.house import TABLE, furnish

from session_api.bootstrap import build
from session_api.sessions import store
from session_api.sessions.domain.decider import evolve
from session_api.settings import SessionApiSettings
from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.pairing import PairingMatched
from twotop_common.service_defaults.lifecycle import Runtime
from twotop_common.testing.backends import ServiceDatabase
from twotop_common.testing.contract_suite import Place, RunningService, ServiceContractSuite
from twotop_common.testing.proxy import proxied

SESSIONS = 40


class TestContract(ServiceContractSuite[SessionApiSettings]):
    settings_class = SessionApiSettings
    package = "session_api"
    waiting: ClassVar[list[UUID]] = []

    def build(self, settings: SessionApiSettings) -> AbstractAsyncContextManager[Runtime]:
        return build(settings)

    @pytest.fixture
    async def place(self, service_database: ServiceDatabase, broker_url: str, redis_url: str) -> AsyncIterator[Place]:
        """A restaurant with waiting sessions, each good for one match."""
        database_url = await service_database(self.package)
        await furnish(database_url)
        connection = await asyncpg.connect(database_url)
        self.__class__.waiting = []
        for _ in range(SESSIONS):
            first = created("dual", at=datetime.now(UTC))
            state = evolve(None, first)
            await store.create(connection, [first], state)
            self.waiting.append(state.session_id)
        await connection.close()
        async with proxied(broker_url) as proxy:
            yield Place(database_url, redis_url, broker_url, proxy)

    def example(self) -> Contract:
        return PairingMatched(
            session_id=self.waiting.pop(),
            generation=1,
            participant_id=uuid4(),
            credential_generation=1,
            matched_at=datetime.now(UTC),
        )

    async def effects(self, database_url: str, message: Contract) -> int:
        assert isinstance(message, PairingMatched)
        connection = await asyncpg.connect(database_url)
        try:
            count: int = await connection.fetchval(
                "SELECT count(*) FROM session_events WHERE session_id = $1 AND type = 'partner_joined'",
                message.session_id,
            )
        finally:
            await connection.close()
        return count

    async def produce(self, service: RunningService) -> None:
        answer = await service.client.post("/api/v1/sessions", json={"table_token": TABLE, "mode": "dual"})
        assert answer.status_code == 201
