"""Commands over the socket: the same answers as over HTTP, in order, and a quick no when they cannot be carried out."""

from __future__ import annotations

import pytest
from gateway_testing.house import House

pytestmark = pytest.mark.integration


async def test_a_refused_command_gets_the_owners_problem(house: House) -> None:
    gateway, table = await house.open_table()
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.command("c-1", "refuse")
        rejected = await phone.expect("rejected")
        assert rejected["command_id"] == "c-1"
        assert rejected["problem"]["code"] == "not_allowed"
        assert rejected["problem"]["reason"] == "because"


async def test_a_command_that_changes_nothing_and_a_repeat_are_accepted(house: House) -> None:
    gateway, table = await house.open_table()
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.command("c-1", "noop")
        assert await phone.expect("accepted") == {"type": "accepted", "command_id": "c-1", "last_seq": 1}
        await phone.command("c-2", ready=True)
        await phone.event_of("c-2")
        await phone.command("c-2", ready=True)
        assert await phone.expect("accepted") == {"type": "accepted", "command_id": "c-2", "last_seq": 2}
        assert table.last_seq == 2


async def test_commands_of_one_phone_are_carried_out_in_order(house: House) -> None:
    gateway, table = await house.open_table()
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        for number in range(30):
            await phone.command(f"c-{number}", n=number)
        await phone.until_seq(31)
        assert [event.data["n"] for event in table.events[1:]] == list(range(30))


async def test_what_travels_is_the_admitted_phone_and_no_credential(house: House) -> None:
    gateway, table = await house.open_table()
    a = table.guests[0]
    credential = house.owner.credential(table, a)
    async with gateway.phone(table) as phone:
        await phone.auth(credential)
        await phone.say(
            type="command", command_id="c", command={"type": "noop", "data": {"participant_id": "x"}}, expected_seq=1
        )
        await phone.expect("accepted")
    command = house.owner.commands_seen[0]
    assert (command.participant_id, command.generation, command.expected_seq) == (a.participant_id, 1, 1)
    assert command.correlationid
    assert credential not in command.model_dump_json()


async def test_a_command_without_an_answer_is_rejected_as_unavailable(house: House) -> None:
    gateway, table = await house.open_table(command_timeout_s=0.2)
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.command("c-1", "hang")
        await phone.command("c-2", "noop")
        rejected = await phone.expect("rejected")
        assert (rejected["command_id"], rejected["problem"]["code"]) == ("c-1", "unavailable")
        assert rejected["problem"]["status"] == 503
        assert (await phone.expect("accepted"))["command_id"] == "c-2"


async def test_too_many_waiting_commands_are_rejected(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime_gateway.commands.MAX_QUEUED_COMMANDS", 3)
    gateway, table = await house.open_table(command_timeout_s=0.3)
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        for number in range(5):
            await phone.command(f"c-{number}", "hang")
        rejected = [await phone.expect("rejected") for _ in range(2)]
        assert {frame["problem"]["code"] for frame in rejected} == {"rate_limited"}


async def test_a_phone_that_hangs_up_cancels_nothing(house: House) -> None:
    gateway, table = await house.open_table()
    a, b = table.guests
    async with gateway.phone(table) as other:
        await other.auth(house.owner.credential(table, b))
        async with gateway.phone(table) as phone:
            await phone.auth(house.owner.credential(table, a))
            await phone.command("c-1", ready=True)
        await other.event_of("c-1")
