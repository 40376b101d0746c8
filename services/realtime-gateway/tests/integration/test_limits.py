"""Limits: silence, size, rate, slow readers. Each ends one socket and harms no other."""

from __future__ import annotations

import asyncio

import pytest
from gateway_testing.house import House
from gateway_testing.phones import narrow_connection

from twotop_common.testing.eventually import eventually

pytestmark = pytest.mark.integration


async def test_a_phone_that_never_authenticates_is_closed(house: House) -> None:
    gateway = await house.gateway(auth_timeout_s=0.1)
    async with gateway.phone(house.owner.seat()) as phone:
        assert await phone.close_code() == 4408


async def test_a_silent_phone_is_closed_and_one_that_pings_is_not(house: House) -> None:
    gateway, table = await house.open_table(heartbeat_s=0.4)
    a, b = table.guests
    async with gateway.phone(table) as silent, gateway.phone(table) as talking:
        await silent.auth(house.owner.credential(table, a))
        await talking.auth(house.owner.credential(table, b))
        ended = asyncio.create_task(silent.close_code())
        while not ended.done():
            await asyncio.wait({ended}, timeout=0.1)
            await talking.say(type="ping")
            await talking.expect("pong")
        assert ended.result() == 4408
        assert silent.bye == "silent"
        await talking.say(type="ping")
        await talking.expect("pong")


@pytest.mark.parametrize("size", [65_537, 3_000_000])
async def test_a_message_beyond_the_limit_ends_the_socket(house: House, size: int) -> None:
    gateway, table = await house.open_table()
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.socket.send("x" * size)
        assert await phone.close_code() == 4413


async def test_a_message_at_the_limit_is_read(house: House) -> None:
    gateway, table = await house.open_table()
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.socket.send("x" * 65_536)
        assert (await phone.expect("rejected"))["problem"]["code"] == "invalid_request"


async def test_a_fragmented_message_is_read_whole(house: House) -> None:
    gateway, table = await house.open_table()
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.socket.send(iter(['{"type":', '"ping"', "}"]))
        await phone.expect("pong")


async def test_a_phone_that_talks_too_fast_is_closed(house: House) -> None:
    gateway, table = await house.open_table()
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        for _ in range(80):
            await phone.socket.send('{"type":"ping"}')
        assert await phone.close_code() == 4429
        pongs = [frame for frame in phone.frames if frame["type"] == "pong"]
        assert 40 <= len(pongs) < 80


@pytest.mark.parametrize("rubbish", ["{", b"\x00\xff", '{"type":"shout"}', '{"type":"auth","credential":"again"}'])
async def test_rubbish_is_rejected_with_a_problem_and_closed_when_repeated(house: House, rubbish: str | bytes) -> None:
    gateway, table = await house.open_table()
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        for _ in range(12):
            await phone.socket.send(rubbish)
        assert await phone.close_code() == 4429
        problems = [frame["problem"] for frame in phone.frames if frame["type"] == "rejected"]
        assert 5 <= len(problems) <= 9
        assert {problem["status"] for problem in problems} <= {400, 422}


async def test_a_slow_reader_is_cut_off_without_harm_to_the_others(house: House) -> None:
    gateway, table = await house.open_table()
    a, b = table.guests
    narrow = narrow_connection(gateway.url)
    async with gateway.phone(table, sock=narrow, max_queue=1) as slow, gateway.phone(table) as quick:
        await slow.auth(house.owner.credential(table, a))
        await quick.auth(house.owner.credential(table, b))
        await slow.until_presence(A="online", B="online")
        room = gateway.rooms.get(table.session_id)
        wire = room.phones[a.participant_id].wire
        # The slow phone reads nothing from here on.
        while wire.closing is None:
            event = house.owner.append(table, note="x" * 8_000)
            await quick.until_seq(event.seq)
        assert wire.closing.code == 4508
        assert await slow.close_code() == 4508
        assert quick.seqs == list(range(1, table.last_seq + 1))
        event = house.owner.append(table)
        await quick.until_seq(event.seq)


async def test_a_reader_that_is_slow_for_a_moment_loses_nothing(house: House) -> None:
    gateway, table = await house.open_table()
    narrow = narrow_connection(gateway.url)
    async with gateway.phone(table, sock=narrow, max_queue=1) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.until_seq(1)
        room = gateway.rooms.get(table.session_id)
        wire = room.phones[table.guests[0].participant_id].wire
        while wire._backlog is None:
            for _ in range(8):
                house.owner.append(table, note="x" * 8_000)
            await eventually(lambda: room.log.cursor == table.last_seq)
        assert await phone.until_seq(table.last_seq) == list(range(1, table.last_seq + 1))
        await eventually(lambda: wire._backlog is None)
