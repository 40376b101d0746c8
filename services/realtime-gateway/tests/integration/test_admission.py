"""Who gets in, and with which close code everybody else is refused."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import uuid4

import pytest
from gateway_testing.house import House, RunningGateway
from gateway_testing.owner_double import Guest, Table
from websockets.exceptions import ConnectionClosed, InvalidStatus

from realtime_gateway.domain.closing import Closing
from twotop_common.contracts.session_api import ParticipantAdmitted

pytestmark = pytest.mark.integration


async def refusal(gateway: RunningGateway, table: object, credential: str) -> tuple[int, str | None]:
    """The close code and the reason in ``bye`` for a phone with this credential."""
    async with gateway.phone(table) as phone:
        # A session that cannot be is refused before the phone has said anything.
        with suppress(ConnectionClosed):
            await phone.say(type="auth", credential=credential, last_seq=0)
        return await phone.close_code(), phone.bye


async def test_an_invalid_or_expired_credential_is_refused_for_good(house: House) -> None:
    gateway = await house.gateway()
    table = house.owner.seat()
    assert await refusal(gateway, table, "nonsense") == (4401, "credential_invalid")
    expired = house.owner.credential(table, table.guests[0], lives_s=-1)
    assert await refusal(gateway, table, expired) == (4401, "credential_invalid")
    assert house.owner.calls == []


async def test_a_credential_of_another_session_is_refused(house: House) -> None:
    gateway = await house.gateway()
    table, other = house.owner.seat(), house.owner.seat()
    credential = house.owner.credential(other, other.guests[0])
    assert await refusal(gateway, table, credential) == (4403, "not_a_participant")


async def test_a_session_id_that_is_none_is_no_session(house: House) -> None:
    gateway = await house.gateway()
    assert await refusal(gateway, "not-an-id", "x") == (4404, "session_not_found")


async def test_an_unknown_session_is_refused_when_the_owner_says_so(house: House) -> None:
    gateway = await house.gateway(registration_wait_s=0.1)
    table = Table(uuid4(), [Guest(uuid4(), "A")])
    assert await refusal(gateway, table, house.owner.credential(table, table.guests[0])) == (4404, "session_not_found")


async def test_a_participant_that_the_owner_does_not_know_is_refused(house: House) -> None:
    gateway = await house.gateway(registration_wait_s=0.1)
    table = house.owner.seat()
    stranger = Guest(uuid4(), "B")
    assert await refusal(gateway, table, house.owner.credential(table, stranger)) == (4403, "not_a_participant")


async def test_one_who_left_is_refused_by_the_gateways_own_table(house: House) -> None:
    gateway, table = await house.open_table()
    a = table.guests[0]
    async with gateway.handlers._transaction() as session:
        await gateway.queries.leave(session, table.session_id, a.participant_id, role="A", seq=2)
    assert await refusal(gateway, table, house.owner.credential(table, a)) == (4403, "not_a_participant")
    assert house.owner.calls == []


async def test_a_revoked_generation_is_refused(house: House) -> None:
    gateway = await house.gateway()
    table = house.owner.seat()
    a = table.guests[0]
    a.generation = 2
    await house.registered(gateway, table)
    old = house.owner.credential(table, a, generation=1)
    assert await refusal(gateway, table, old) == (4401, "credential_invalid")


async def test_the_owner_refuses_a_revoked_generation_that_the_gateway_has_not_heard_of(house: House) -> None:
    gateway, table = await house.open_table(registration_wait_s=0.1)
    old = house.owner.credential(table, table.guests[0])
    table.guests[0].generation = 2
    assert await refusal(gateway, table, old) == (4401, "credential_invalid")


async def test_an_ended_session_is_over_for_everybody(house: House) -> None:
    gateway = await house.gateway(registration_wait_s=0.1)
    table = house.owner.seat()
    table.ended = True
    credential = house.owner.credential(table, table.guests[0])
    assert await refusal(gateway, table, credential) == (4410, "session_ended")


async def test_who_cannot_be_confirmed_is_asked_to_try_again(house: House) -> None:
    gateway = await house.gateway(registration_wait_s=0.1)
    table = house.owner.seat()
    house.owner.away = True
    credential = house.owner.credential(table, table.guests[0])
    assert await refusal(gateway, table, credential) == (1013, "unavailable")


async def test_a_registered_phone_whose_log_cannot_be_read_is_asked_to_try_again(house: House) -> None:
    gateway, table = await house.open_table(recovery_timeout_s=0.2)
    house.owner.away = True
    credential = house.owner.credential(table, table.guests[0])
    assert await refusal(gateway, table, credential) == (1013, "unavailable")
    assert list(gateway.rooms) == []


async def test_a_phone_ahead_of_its_registration_is_let_in_when_the_fact_arrives(house: House) -> None:
    gateway = await house.gateway(registration_wait_s=10)
    table = house.owner.seat()
    b = table.guests[1]
    async with gateway.phone(table) as phone:
        hello = asyncio.create_task(phone.auth(house.owner.credential(table, b)))
        fact = ParticipantAdmitted(
            session_id=table.session_id, seq=1, participant_id=b.participant_id, role="B", generation=1
        )
        await house.tell(fact, session_id=table.session_id)
        assert (await hello)["role"] == "B"
    assert "participant" not in house.owner.calls


async def test_a_fact_that_another_instance_consumed_lets_the_phone_in_too(house: House) -> None:
    first, second = await house.gateway(registration_wait_s=10), await house.gateway(registration_wait_s=10)
    table = house.owner.seat()
    async with first.phone(table) as phone:
        hello = asyncio.create_task(phone.auth(house.owner.credential(table, table.guests[0])))
        await house.registered(second, table)
        assert (await hello)["role"] == "A"


async def test_an_unregistered_phone_is_let_in_when_the_owner_confirms_it(house: House) -> None:
    gateway = await house.gateway(registration_wait_s=0.05)
    table = house.owner.seat()
    for _ in range(2):
        async with gateway.phone(table) as phone:
            await phone.auth(house.owner.credential(table, table.guests[0]))
    # The second time the gateway knew it by itself.
    assert house.owner.calls.count("participant") == 1


async def test_the_authorization_header_does_for_those_who_can_send_one(house: House) -> None:
    gateway, table = await house.open_table()
    header = {"Authorization": f"Bearer {house.owner.credential(table, table.guests[0])}"}
    async with gateway.phone(table, additional_headers=header) as phone:
        assert (await phone.expect("hello"))["role"] == "A"
    async with gateway.phone(table, additional_headers={"Authorization": "Basic eDp5"}) as phone:
        assert await phone.close_code() == 4401


async def test_a_credential_in_the_query_is_not_looked_at(house: House) -> None:
    gateway, table = await house.open_table(auth_timeout_s=0.2)
    credential = house.owner.credential(table, table.guests[0])
    async with gateway.phone(f"{table.session_id}?credential={credential}") as phone:
        assert await phone.close_code() == Closing.SILENT.code


@pytest.mark.parametrize("first", ['{"type":"ping"}', "{", '{"type":"auth"}', b"\x00\x01"])
async def test_the_first_frame_must_authenticate(house: House, first: str | bytes) -> None:
    gateway = await house.gateway()
    async with gateway.phone(house.owner.seat()) as phone:
        await phone.socket.send(first)
        assert await phone.close_code() == 4401


async def test_a_phone_that_leaves_before_it_authenticates_harms_nobody(house: House) -> None:
    gateway = await house.gateway()
    async with gateway.phone(house.owner.seat()):
        pass
    assert list(gateway.rooms) == []


async def test_browsers_from_foreign_origins_are_refused_before_the_handshake(house: House) -> None:
    gateway, table = await house.open_table(allowed_origins="https://twotop.example, https://other.example")
    for origin in ("https://evil.example", "null", "https://twotop.example.evil"):
        with pytest.raises(InvalidStatus) as refused:
            await gateway.phone(table, origin=origin).__aenter__()
        assert refused.value.response.status_code == 403
    async with gateway.phone(table, origin="https://other.example") as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))


async def test_there_is_no_socket_at_other_paths(house: House) -> None:
    gateway = await house.gateway()
    with pytest.raises(InvalidStatus) as refused:
        await gateway.phone("a/b").__aenter__()
    assert refused.value.response.status_code == 403
