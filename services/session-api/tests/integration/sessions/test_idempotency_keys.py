"""Keys of calls that issue credentials: kept as keyed hashes for ten minutes, known through a rotation, waited for."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from pydantic import SecretStr
from session_api_testing.house import TABLE, House, Phone, running_house

from session_api.sessions import queries
from session_api.sessions.queries import Creation
from session_api.settings import SessionApiSettings
from twotop_common.hashed_codes import hash_code
from twotop_common.testing.fakes import Clock

pytestmark = pytest.mark.integration
KEY = "a-random-key-of-22-or-more"
HEADERS = {"Idempotency-Key": KEY}


def rotated(settings: SessionApiSettings) -> SessionApiSettings:
    """The same house with a newer key before those it had."""
    newer = f"newer:{'A' * 43}"
    keys = SecretStr(f"{newer},{settings.code_keys.get_secret_value()}")
    return settings.model_copy(update={"code_keys": keys})


async def stored_keys(house: House) -> set[str]:
    return {row["key"] for row in await house.deps.pool.fetch("SELECT key FROM session_commands")}


async def test_the_key_of_a_renewal_is_stored_as_a_keyed_hash_only(house: House) -> None:
    phone = await house.start()
    assert (await phone.post("/credential", headers=HEADERS)).status_code == 200
    (stored,) = await stored_keys(house)
    assert KEY not in stored
    assert stored == f"renew:{hash_code(house.deps.key_ring, 'idempotency:renew', KEY)}"


@pytest.mark.parametrize(("seconds", "kept"), [(-1, True), (0, False)])
async def test_the_key_of_a_renewal_is_forgotten_after_ten_minutes(
    still_house: House, clock: Clock, seconds: int, kept: bool
) -> None:
    phone = await still_house.start(context=None)
    renewed = await phone.post("/credential", headers=HEADERS)
    other = Phone(phone.client, phone.session_id, phone.participant_id, renewed.json()["credential"])
    assert (await other.command("choose_context", {"context": "mature"}, key="renew:by-a-phone")).status_code == 201
    clock.advance(minutes=10, seconds=seconds)
    await queries.forget_renewals(still_house.deps.pool, clock() - timedelta(minutes=10))
    assert len(await stored_keys(still_house)) == (2 if kept else 1)
    assert "renew:by-a-phone" in await stored_keys(still_house)
    assert (await phone.post("/credential", headers=HEADERS)).status_code == (200 if kept else 401)


async def test_a_repeat_is_a_repeat_while_the_keys_rotate(house: House, settings: SessionApiSettings) -> None:
    body = {"table_token": TABLE, "mode": "dual"}
    started = await house.client.post("/api/v1/sessions", json=body, headers=HEADERS)
    phone = house.phone(started.json())
    renewed = await phone.post("/credential", headers=HEADERS)
    async with running_house(rotated(settings)) as other:
        again = await other.client.post("/api/v1/sessions", json=body, headers=HEADERS)
        assert again.json()["session"]["session_id"] == str(phone.session_id)
        assert again.json()["pairing"] == started.json()["pairing"]
        phone.client = other.client
        assert (await phone.post("/credential", headers=HEADERS)).json() == renewed.json()


async def test_who_waits_too_long_is_told_whether_for_the_table_or_for_its_own_key(house: House) -> None:
    running = "another-key-of-22-or-more"
    ring, now = house.deps.key_ring, house.deps.now()
    creation = Creation(b"", (await house.start()).session_id, ring.current_id)

    async def start(headers: dict[str, str]) -> tuple[int, str]:
        answer = await house.client.post(
            "/api/v1/sessions", json={"table_token": TABLE, "mode": "single"}, headers=headers
        )
        return answer.status_code, answer.json().get("code", "")

    async with house.deps.pool.acquire() as connection, connection.transaction():
        await queries.lock_table(connection, await connection.fetchval("SELECT id FROM tables WHERE token = $1", TABLE))
        key_hash = hash_code(ring, "idempotency:create-session", running)
        assert await queries.claim_creation(connection, key_hash, creation, now=now, expires_at=now)
        answers = await asyncio.gather(start({}), start(HEADERS), start({"Idempotency-Key": running}))
    assert answers == [(503, "unavailable"), (503, "unavailable"), (409, "idempotency_in_progress")]
    assert await start(HEADERS) == (201, "")
