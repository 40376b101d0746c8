"""What every service promises the others, kept by pairing."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

import asyncpg
from pairing_testing.house import Table, seat

from pairing.bootstrap import build
from pairing.handlers import follow_facts
from pairing.settings import PairingSettings
from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.session_api import SessionCreated
from twotop_common.service_defaults.database import open_database_at
from twotop_common.service_defaults.lifecycle import Runtime
from twotop_common.testing.contract_suite import RunningService, ServiceContractSuite


class TestContract(ServiceContractSuite[PairingSettings]):
    settings_class = PairingSettings
    package = "pairing"

    def build(self, settings: PairingSettings) -> AbstractAsyncContextManager[Runtime]:
        return build(settings)

    def example(self) -> Contract:
        return seat(Table.new(), datetime.now(UTC)).fact

    async def effects(self, database_url: str, message: Contract) -> int:
        assert isinstance(message, SessionCreated)
        connection = await asyncpg.connect(database_url)
        try:
            count: int = await connection.fetchval(
                "SELECT count(*) FROM pairings WHERE session_id = $1 AND status = 'waiting'", message.session_id
            )
        finally:
            await connection.close()
        return count

    async def produce(self, service: RunningService) -> None:
        """A second phone joins while the broker is away."""
        seated = seat(Table.new(), datetime.now(UTC))
        async with open_database_at(service.database_url) as database, database.sessions() as session:
            await follow_facts.take_in_session(session, seated.fact, datetime.now(UTC))
            await session.commit()
        answer = await service.client.post(
            "/api/v1/sessions/join-dual", json={"table_token": seated.table_token, "code": seated.code}
        )
        assert answer.status_code == 200, answer.text
