"""The gateway with the real session-api: one broker, both services' own databases, real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from gateway_testing.house import RunningGateway
from gateway_testing.serving import serving
from session_api_testing.house import House, Phone, furnish, running_house

from realtime_gateway.bootstrap import build
from realtime_gateway.main import WIRE
from realtime_gateway.settings import GatewaySettings
from session_api.settings import SessionApiSettings
from twotop_common.contracts.pairing import PairingMatched
from twotop_common.credentials import ParticipantClaims
from twotop_common.service_defaults.lifecycle import running
from twotop_common.testing.backends import ServiceDatabase
from twotop_common.testing.eventually import eventually

pytestmark = pytest.mark.integration


@dataclass
class TwoServices:
    """session-api and a gateway, joined as they are in production."""

    api: House
    gateway: RunningGateway
    settings: SessionApiSettings

    async def pair(self, first: Phone) -> tuple[UUID, str]:
        """What pairing does when a code is redeemed: participant B and its credential."""
        participant_id = uuid4()
        await self.api.tell(
            PairingMatched(
                session_id=first.session_id,
                generation=1,
                participant_id=participant_id,
                credential_generation=1,
                matched_at=datetime.now(UTC),
            )
        )
        expires = datetime.fromisoformat(first.created["participant"]["expires_at"])
        claims = ParticipantClaims(
            first.session_id, participant_id, "B", 1, datetime.now(UTC).replace(microsecond=0), expires
        )
        return participant_id, self.settings.credential_signer.issue(claims)


@pytest_asyncio.fixture
async def two(service_database: ServiceDatabase, broker_url: str, redis_url: str) -> AsyncIterator[TwoServices]:
    common: dict[str, Any] = {"environment": "test", "broker_url": broker_url, "redis_url": redis_url}
    api_database = await service_database("session_api")
    await furnish(api_database)
    api_settings = SessionApiSettings(**common, database_url=api_database, rate_limits_enabled=False)
    async with running_house(api_settings) as api, serving(api.app) as (api_url, _):
        settings = GatewaySettings(
            **common, database_url=await service_database("realtime_gateway"), session_api_url=api_url
        )
        async with build(settings) as runtime, running(runtime), serving(runtime.app, ws=WIRE) as (url, server):
            gateway = RunningGateway(url, runtime, server)
            await eventually(lambda: gateway.rooms._shards.connected and gateway.sockets._commands._rpc.connected)
            yield TwoServices(api, gateway, api_settings)


async def test_two_phones_pair_get_ready_and_see_each_other(two: TwoServices) -> None:
    first = await two.api.start()
    async with two.gateway.phone(first.session_id) as a:
        await a.auth(first.credential)
        participant_id, credential = await two.pair(first)
        async with two.gateway.phone(first.session_id) as b:
            hello = await b.auth(credential)
            assert (hello["participant_id"], hello["role"]) == (str(participant_id), "B")
            await b.until_presence(A="online", B="online")
            await a.command("a-ready", ready=True)
            assert (await a.event_of("a-ready"))["type"] == "ready_changed"
            assert (await b.event_of("a-ready"))["data"]["ready"] is True
            await b.command("b-ready", ready=True)
            for phone in (a, b):
                while not any(
                    frame["type"] == "event" and frame["event"]["type"] == "both_ready" for frame in phone.frames
                ):
                    await phone.receive()
            assert a.seqs == b.seqs == list(range(1, a.seqs[-1] + 1))
            assert [event["seq"] for event in await first.log()] == a.seqs


async def test_a_room_that_opens_while_the_partner_only_polls_shows_it_as_online(two: TwoServices) -> None:
    first = await two.api.start()
    participant_id, credential = await two.pair(first)
    partner = Phone(first.client, first.session_id, participant_id, credential)
    assert (await partner.get("/snapshot")).status_code == 200
    async with two.gateway.phone(first.session_id) as a:
        await a.auth(first.credential)
        await a.until_presence(A="online", B="online")


async def test_a_room_that_opens_is_told_whether_a_phone_waits(two: TwoServices) -> None:
    first = await two.api.start()
    participant_id, credential = await two.pair(first)
    partner = Phone(first.client, first.session_id, participant_id, credential)

    async def awaiting_when_opened() -> bool:
        last_seq = (await partner.get("/snapshot")).raise_for_status().json()["last_seq"]
        async with two.gateway.phone(first.session_id) as a:
            await a.auth(first.credential, last_seq=last_seq)
            await a.expect("presence")
            awaiting: bool = two.gateway.rooms.get(first.session_id).awaiting
        await eventually(lambda: two.gateway.rooms.get(first.session_id) is None)
        return awaiting

    assert not await awaiting_when_opened()
    await partner.command("set_ready", {"ready": True})
    assert await awaiting_when_opened()
    await partner.command("set_ready", {"ready": False})
    assert not await awaiting_when_opened()


async def test_socket_and_http_give_the_same_answers(two: TwoServices) -> None:
    first = await two.api.start()
    async with two.gateway.phone(first.session_id) as phone:
        await phone.auth(first.credential)
        await phone.command("c-1", "no_such_command")
        rejected = (await phone.expect("rejected"))["problem"]
        answer = (await first.command("no_such_command", {})).json()
        assert {**rejected, "trace_id": ""} == {**answer, "trace_id": ""}
        assert rejected["code"] == "unknown_command"
        repeated = await first.command("set_ready", {"ready": True}, key="c-2")
        assert repeated.status_code in (201, 409)


async def test_a_command_over_http_reaches_the_socket_and_its_repeat_over_the_socket_is_accepted(
    two: TwoServices,
) -> None:
    first = await two.api.start(context=None)
    async with two.gateway.phone(first.session_id) as phone:
        await phone.auth(first.credential)
        answer = await first.command("choose_context", {"context": "established"}, key="key-1")
        assert answer.status_code == 201, answer.text
        assert (await phone.event_of("key-1"))["type"] == "context_chosen"
        await phone.command("key-1", "choose_context", context="established")
        assert (await phone.expect("accepted"))["command_id"] == "key-1"


async def test_closing_the_session_ends_the_socket(two: TwoServices) -> None:
    first = await two.api.start()
    async with two.gateway.phone(first.session_id) as phone:
        await phone.auth(first.credential)
        assert (await first.post("/close")).status_code == 200
        assert await phone.close_code() == 4410
        assert phone.frames[-2]["event"]["type"] == "session_closed"
    async with two.gateway.phone(first.session_id) as phone:
        await phone.say(type="auth", credential=first.credential, last_seq=0)
        assert await phone.close_code() == 4410


async def test_renewing_the_credential_revokes_the_socket_of_the_old_one(two: TwoServices) -> None:
    first = await two.api.start()
    async with two.gateway.phone(first.session_id) as phone:
        await phone.auth(first.credential)
        renewed = await first.post("/credential", headers={"Idempotency-Key": uuid4().hex})
        assert renewed.status_code == 200, renewed.text
        assert await phone.close_code() == 4401
    async with two.gateway.phone(first.session_id) as phone:
        await phone.auth(renewed.json()["credential"])
    async with two.gateway.phone(first.session_id) as phone:
        await phone.say(type="auth", credential=first.credential, last_seq=0)
        assert await phone.close_code() == 4401
