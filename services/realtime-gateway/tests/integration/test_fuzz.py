"""Rubbish on the wire: whatever bytes or frames arrive, the gateway goes on and logs no failure of its own."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress

import pytest
from gateway_testing.house import House, RunningGateway
from gateway_testing.owner_double import Table
from websockets.exceptions import ConnectionClosed

pytestmark = pytest.mark.integration

PIECES = [
    "{",
    "}",
    '"type"',
    ":",
    '"command"',
    '"ping"',
    '"auth"',
    "null",
    "[",
    "]",
    ",",
    "1e999",
    '"\\u0000"',
    "\ufeff",
]


async def still_serves(house: House, gateway: RunningGateway, table: Table) -> None:
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[1]))
        await phone.say(type="ping")
        await phone.expect("pong")


async def test_random_bytes_after_the_handshake_harm_nobody(house: House, caplog: pytest.LogCaptureFixture) -> None:
    gateway, table = await house.open_table()
    source = random.Random(7)
    request = (
        f"GET /ws/sessions/{table.session_id} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()
    with caplog.at_level(logging.ERROR):
        for _ in range(60):
            reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rsplit(":", 1)[1]))
            writer.write(request + source.randbytes(source.randint(1, 400)))
            if source.random() < 0.5:
                writer.write_eof()
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(0.2):
                    await reader.read()
            writer.close()
        await still_serves(house, gateway, table)
    assert [record.message for record in caplog.records if record.name == "uvicorn.error"] == []


async def test_random_frames_of_an_admitted_phone_harm_nobody(house: House, caplog: pytest.LogCaptureFixture) -> None:
    gateway, table = await house.open_table()
    credential = house.owner.credential(table, table.guests[0])
    source = random.Random(11)
    with caplog.at_level(logging.ERROR):
        for _ in range(15):
            async with gateway.phone(table) as phone:
                await phone.auth(credential)
                with suppress(ConnectionClosed):
                    for _ in range(20):
                        text = "".join(source.choices(PIECES, k=source.randint(0, 12)))
                        frames: list[str | bytes] = [text, text.encode(), source.randbytes(9)]
                        await phone.socket.send(source.choice(frames))
                assert await phone.close_code() == 4429
        await still_serves(house, gateway, table)
    assert [record.message for record in caplog.records if record.name == "uvicorn.error"] == []


async def test_text_that_is_no_utf8_ends_that_socket(house: House) -> None:
    gateway, table = await house.open_table()
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.socket.send(b"\xff\xfe", text=True)
        assert await phone.close_code() == 1007
    await still_serves(house, gateway, table)
