"""When a phone's numbers cannot be continued: another history, ahead of the log, too far behind."""

from __future__ import annotations

import asyncio

import pytest
from gateway_testing.house import House
from gateway_testing.owner_double import admitted

from realtime_gateway import recovery
from twotop_common.testing.eventually import eventually

pytestmark = pytest.mark.integration


async def test_a_phone_from_another_history_resyncs(house: House) -> None:
    gateway = await house.gateway()
    table = house.owner.seat()
    house.owner.append(table, hint=False)
    await house.registered(gateway, table)
    async with gateway.phone(table) as phone:
        hello = await phone.auth(house.owner.credential(table, table.guests[0]), last_seq=1, epoch="epoch-0")
        assert hello["epoch"] == "epoch-1"
        assert (await phone.expect("resync"))["last_seq"] == 2
        house.owner.append(table)
        assert await phone.until_seq(3) == [3]


@pytest.mark.parametrize("last_seq", [40, 2**31, 2**53 - 1])
async def test_a_phone_that_is_ahead_of_the_log_resyncs(house: House, last_seq: int) -> None:
    gateway, table = await house.open_table()
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]), last_seq=last_seq)
        assert (await phone.expect("resync"))["last_seq"] == 1


async def test_a_phone_that_has_missed_too_much_resyncs(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "MAX_MISSED", 600)
    gateway = await house.gateway()
    table = house.owner.seat()
    for _ in range(700):
        house.owner.append(table, hint=False)
    await house.registered(gateway, table)
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        assert (await phone.expect("resync"))["last_seq"] == 701
        assert phone.seqs == []


async def test_live_phones_resync_when_the_log_has_another_history(house: House) -> None:
    gateway = await house.gateway(compare_heads_s=60)
    table = house.owner.seat()
    for _ in range(5):
        house.owner.append(table, hint=False)
    await house.registered(gateway, table)
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.until_seq(6)
        del table.events[3:]
        house.owner.epoch = "epoch-2"
        house.owner.append(table)
        assert await phone.expect("resync") == {"type": "resync", "last_seq": 4, "epoch": "epoch-2"}
        house.owner.append(table)
        frame = await phone.expect("event")
        assert frame["event"]["seq"] == 5


async def test_a_log_that_went_back_makes_phones_resync(house: House) -> None:
    gateway = await house.gateway(compare_heads_s=0.2)
    table = house.owner.seat()
    for _ in range(5):
        house.owner.append(table, hint=False)
    await house.registered(gateway, table)
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.until_seq(6)
        del table.events[3:]
        assert (await phone.expect("resync"))["last_seq"] == 3


async def test_a_head_that_was_never_committed_does_not_keep_the_room_fetching(house: House) -> None:
    gateway, table = await house.open_table(compare_heads_s=60)
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.expect("presence")
        room = gateway.rooms.get(table.session_id)
        room.log.learn_head(50)
        gateway.rooms.fetch_if_behind(room)
        await eventually(lambda: not room.log.behind and not room.fetching)
        house.owner.append(table)
        assert await phone.until_seq(2) == [1, 2]


async def test_a_phone_that_is_still_fetching_when_the_history_changes_resyncs(house: House) -> None:
    gateway = await house.gateway(compare_heads_s=60)
    table = house.owner.seat()
    house.owner.append(table, hint=False)
    await house.registered(gateway, table)
    a, b = table.guests
    async with gateway.phone(table) as first, gateway.phone(table) as second:
        await first.auth(house.owner.credential(table, a))
        await first.until_seq(2)
        house.owner.open_gate.clear()
        calls = len(house.owner.calls)
        hello = asyncio.create_task(second.auth(house.owner.credential(table, b)))
        await eventually(lambda: len(house.owner.calls) > calls)
        house.owner.epoch = "epoch-2"
        await gateway.rooms.compare_heads()
        house.owner.open_gate.set()
        await hello
        assert (await second.expect("resync"))["epoch"] == "epoch-2"
        house.owner.append(table)
        for phone in (first, second):
            while 3 not in phone.seqs:
                await phone.receive()


async def test_a_phone_that_is_still_being_admitted_when_the_history_changes_resyncs(house: House) -> None:
    gateway = await house.gateway(registration_wait_s=10, compare_heads_s=60)
    table = house.owner.seat()
    house.owner.append(table, hint=False)
    a, b = table.guests
    async with gateway.phone(table) as first, gateway.phone(table) as second:
        await house.tell(admitted(table, a), session_id=table.session_id)
        await first.auth(house.owner.credential(table, a))
        await first.until_seq(2)
        fetched = house.owner.calls.count("events")
        hello = asyncio.create_task(second.auth(house.owner.credential(table, b), last_seq=1, epoch="epoch-1"))
        await eventually(lambda: house.owner.calls.count("events") > fetched)
        house.owner.epoch = "epoch-2"
        await gateway.rooms.compare_heads()
        assert (await first.expect("resync"))["epoch"] == "epoch-2"
        await house.tell(admitted(table, b), session_id=table.session_id)
        assert (await hello)["epoch"] == "epoch-2"
        assert (await second.expect("resync"))["epoch"] == "epoch-2"
        house.owner.append(table)
        assert await second.until_seq(3) == [3]
