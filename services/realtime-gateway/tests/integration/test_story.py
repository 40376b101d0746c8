"""Two phones in one session: admission, events, commands, presence."""

from __future__ import annotations

from gateway_testing.house import House


async def test_a_phone_is_greeted_gets_what_it_missed_and_then_what_happens(house: House) -> None:
    gateway = await house.gateway()
    table = house.owner.seat()
    house.owner.append(table, "context_chosen", hint=False)
    await house.registered(gateway, table)
    async with gateway.phone(table) as phone:
        hello = await phone.auth(house.owner.credential(table, table.guests[0]))
        assert hello["last_seq"] == 2
        assert hello["epoch"] == "epoch-1"
        assert hello["role"] == "A"
        assert hello["heartbeat_s"] == 25
        assert await phone.until_seq(2) == [1, 2]
        house.owner.append(table)
        assert await phone.until_seq(3) == [1, 2, 3]


async def test_a_command_is_acknowledged_by_its_event_which_the_other_phone_gets_too(house: House) -> None:
    gateway, table = await house.open_table()
    a, b = table.guests
    async with gateway.phone(table) as first, gateway.phone(table) as second:
        await first.auth(house.owner.credential(table, a))
        await second.auth(house.owner.credential(table, b))
        await first.command("c-1", ready=True)
        for phone in (first, second):
            frame = await phone.event_of("c-1")
            assert frame["by"] == str(a.participant_id)
            assert frame["data"] == {"ready": True}
