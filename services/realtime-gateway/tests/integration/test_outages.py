"""What still works when something is away, and that it heals by itself."""

from __future__ import annotations

import asyncio

import pytest
from gateway_testing.house import House

from twotop_common.testing.eventually import eventually
from twotop_common.testing.proxy import proxied

pytestmark = pytest.mark.integration


async def test_without_the_broker_sockets_stay_and_events_arrive_by_comparing_heads(house: House) -> None:
    async with proxied(house.settings["broker_url"]) as proxy:
        gateway, table = await house.open_table(broker_url=proxy.url, compare_heads_s=0.2)
        a, b = table.guests
        async with gateway.phone(table) as phone:
            await phone.auth(house.owner.credential(table, a))
            await phone.expect("presence")
            await proxy.cut()
            await eventually(lambda: not gateway.rooms._shards.connected)
            house.owner.append(table)
            assert await phone.until_seq(2) == [1, 2]
            await phone.command("c-1", ready=True)
            rejected = await phone.expect("rejected")
            assert (rejected["command_id"], rejected["problem"]["code"]) == ("c-1", "unavailable")
            async with gateway.phone(table) as late:
                await late.auth(house.owner.credential(table, b))
                assert await late.until_seq(2) == [1, 2]
                await proxy.restore()
                await eventually(lambda: gateway.rooms._shards.connected and gateway.sockets._commands._rpc.connected)
                await phone.command("c-1", ready=True)
                await phone.event_of("c-1")
                await late.event_of("c-1")


async def test_a_returning_fan_out_compares_heads_at_once(house: House) -> None:
    async with proxied(house.settings["broker_url"]) as proxy:
        gateway, table = await house.open_table(broker_url=proxy.url, compare_heads_s=60)
        async with gateway.phone(table) as phone:
            await phone.auth(house.owner.credential(table, table.guests[0]))
            await phone.expect("presence")
            await proxy.cut()
            await eventually(lambda: not gateway.rooms._shards.connected)
            house.owner.append(table)
            await proxy.restore()
            assert await phone.until_seq(2) == [1, 2]
            house.owner.append(table)
            assert await phone.until_seq(3) == [1, 2, 3]


async def test_a_phone_can_come_while_the_broker_has_never_been_there(house: House) -> None:
    async with proxied(house.settings["broker_url"]) as proxy:
        await proxy.cut()
        gateway, table = await house.open_table(broker_url=proxy.url, compare_heads_s=0.2, wait=False)
        async with gateway.phone(table) as phone:
            await phone.auth(house.owner.credential(table, table.guests[0]))
            house.owner.append(table)
            await phone.until_seq(2)
            await proxy.restore()
            await eventually(lambda: gateway.rooms._shards.connected)
            assert gateway.rooms._bound == {table.session_id.hex[:2]}


async def test_while_the_owner_is_away_sockets_stay_and_the_gap_is_fetched_later(house: House) -> None:
    gateway, table = await house.open_table(compare_heads_s=0.3)
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.expect("presence")
        house.owner.away = True
        house.owner.append(table, hint=False)
        house.owner.append(table)
        calls = len(house.owner.calls)
        await eventually(lambda: len(house.owner.calls) > calls + 3)
        await phone.say(type="ping")
        assert (await phone.expect("pong"))["last_seq"] == 3
        house.owner.away = False
        assert await phone.until_seq(3) == [1, 2, 3]


async def test_a_recovering_phone_waits_for_the_owner(house: House) -> None:
    gateway, table = await house.open_table()
    house.owner.away = True
    async with gateway.phone(table) as phone:
        hello = asyncio.create_task(phone.auth(house.owner.credential(table, table.guests[0])))
        await eventually(lambda: len(house.owner.calls) > 2)
        house.owner.away = False
        await hello


async def test_without_the_database_sockets_stay_and_newcomers_try_again(house: House) -> None:
    async with proxied(house.settings["database_url"]) as proxy:
        gateway = await house.gateway(
            database_url=proxy.url, registration_wait_s=0.2, instance_beat_s=0.1, gone_after_s=0.5
        )
        table = house.owner.seat()
        await house.registered(gateway, table)
        a, b = table.guests
        async with gateway.phone(table) as phone:
            await phone.auth(house.owner.credential(table, a))
            await phone.expect("presence")
            await proxy.cut()
            house.owner.append(table)
            await phone.until_seq(2)
            await gateway.attendance.reconcile()
            async with gateway.phone(table) as late:
                await late.say(type="auth", credential=house.owner.credential(table, b), last_seq=0)
                assert await late.close_code() == 1013
            await eventually(lambda: gateway.attendance._beating_since is None)
            await proxy.restore()
            async with gateway.phone(table) as late:

                async def admitted() -> bool:
                    async with gateway.phone(table) as again:
                        await again.say(type="auth", credential=house.owner.credential(table, b), last_seq=0)
                        return bool((await again.receive())["type"] == "hello")

                await eventually(admitted)
            await phone.command("c-1", ready=True)
            await phone.event_of("c-1")


async def test_rubbish_on_the_fan_out_harms_nobody(house: House) -> None:
    gateway, table = await house.open_table()
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        for body in (b"", b"{", b'{"kind":"log"}', b'{"kind":"presence","session_id":"x"}'):
            house.publisher.publish_hint_bytes(table.session_id.hex[:2], body)
        house.owner.append(table)
        await phone.until_seq(2)


async def test_shards_without_a_room_are_not_listened_to(house: House) -> None:
    gateway, table = await house.open_table(compare_heads_s=0.1)
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        assert gateway.rooms._bound == {table.session_id.hex[:2]}
    await eventually(lambda: gateway.rooms._bound == set())


async def test_stopping_says_bye_and_closes_with_1012_and_declares_nobody_gone(house: House) -> None:
    table = house.owner.seat()
    async with house.start(gone_after_s=0.1) as gateway:
        await house.registered(gateway, table)
        phone = await gateway.phone(table).__aenter__()
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.expect("presence")
        ended = asyncio.create_task(phone.close_code())
    assert await ended == 1012
    assert phone.bye == "restarting"
    assert gateway.attendance._lost == {}
    assert await house.published("twotop.participant.gone.v1") == []
    await phone.__aexit__(None, None, None)
