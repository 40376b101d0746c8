"""The epoch names the database's history, and is read anew when another server may have taken over."""

from __future__ import annotations

import hashlib
from typing import Any

import asyncpg
import pytest
from session_api_testing.house import House

from session_api.sessions import queries
from twotop_common.testing.backends import ServiceDatabase
from twotop_common.testing.eventually import eventually

pytestmark = pytest.mark.integration


async def test_on_a_settled_server_the_timeline_is_that_of_the_control_file(service_database: ServiceDatabase) -> None:
    connection = await asyncpg.connect(await service_database("session_api"))
    try:
        identity = await connection.fetchrow(
            """
            SELECT system_identifier, timeline_id, oid FROM pg_control_system(), pg_control_checkpoint(), pg_database
            WHERE datname = current_database()
            """
        )
        named = "/".join(str(part) for part in identity.values())
        assert await queries.epoch(connection) == hashlib.sha256(named.encode()).hexdigest()[:16]
    finally:
        await connection.close()


async def test_who_only_reads_has_the_new_epoch_once_its_connections_are_made_anew(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = await house.start("single")
    before = (await phone.get("/events")).json()["epoch"]

    async def after_a_failover(connection: Any) -> str:
        return "another-history"

    monkeypatch.setattr(queries, "epoch", after_a_failover)
    assert (await phone.get("/events")).json()["epoch"] == before
    await house.deps.pool.expire_connections()

    async def seen() -> bool:
        epoch: str = (await phone.get("/events")).json()["epoch"]
        return epoch == "another-history"

    await eventually(seen)
    assert (await phone.get("/snapshot")).headers["etag"].startswith('"another-history.')


async def test_a_head_remembered_from_another_history_is_read_anew(house: House) -> None:
    phone = await house.start("single", context=None)
    await phone.command("choose_context", {"context": "exploring"})
    # In the other history the same number is another event.
    await house.deps.pool.execute(
        "UPDATE session_heads SET document = replace(document::text, '\"exploring\"', '\"established\"')::json"
    )
    epoch: Any = house.deps.epoch
    epoch._value = "another-history"
    answer = await phone.command("choose_context", {"context": "established"})
    assert (answer.status_code, answer.json()["events"]) == (201, [])
