"""What every service promises the others, kept by the worker."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg

from cleanup_worker.bootstrap import build
from cleanup_worker.handlers import ask_owners
from cleanup_worker.settings import CleanupSettings
from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.session_api import DeadlineSet
from twotop_common.service_defaults.database import open_database_at
from twotop_common.service_defaults.lifecycle import Runtime
from twotop_common.testing.contract_suite import RunningService, ServiceContractSuite


class TestContract(ServiceContractSuite[CleanupSettings]):
    settings_class = CleanupSettings
    package = "cleanup_worker"

    def build(self, settings: CleanupSettings) -> AbstractAsyncContextManager[Runtime]:
        return build(settings)

    def example(self) -> Contract:
        return DeadlineSet(session_id=uuid4(), seq=1, due_at=datetime.now(UTC) + timedelta(days=1))

    async def effects(self, database_url: str, message: Contract) -> int:
        assert isinstance(message, DeadlineSet)
        connection = await asyncpg.connect(database_url)
        try:
            count: int = await connection.fetchval(
                "SELECT count(*) FROM deadlines WHERE session_id = $1 AND due_at = $2",
                message.session_id,
                message.due_at,
            )
        finally:
            await connection.close()
        return count

    async def produce(self, service: RunningService) -> None:
        """A command claimed at the moment in which the broker went away."""
        connection = await asyncpg.connect(service.database_url)
        try:
            await connection.execute(
                "INSERT INTO deadlines (session_id, kind, position, due_at, fires_at, asked)"
                " VALUES (gen_random_uuid(), 'session', 1, now(), now() + interval '1 hour', 0)"
            )
        finally:
            await connection.close()
        async with open_database_at(service.database_url) as database:
            asked = await ask_owners(database.sessions, now=datetime.now(UTC) + timedelta(hours=2), batch=10)
        assert asked.commands == 1
