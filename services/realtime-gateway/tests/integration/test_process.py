"""The service as a process: it serves, says goodbye on SIGTERM, and ends with 0."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import httpx
import pytest
from gateway_testing.house import House
from gateway_testing.phones import TestPhone
from gateway_testing.serving import free_port

from realtime_gateway.main import openapi
from twotop_common.testing.eventually import eventually

pytestmark = pytest.mark.integration


async def test_sigterm_closes_every_socket_with_1012_and_ends_the_process_cleanly(house: House) -> None:
    port = free_port()
    environment = {
        **os.environ,
        "TWOTOP_ENVIRONMENT": "test",
        "TWOTOP_PORT": str(port),
        **{f"TWOTOP_{name.upper()}": str(value) for name, value in house.settings.items() if name != "environment"},
    }
    command = "from realtime_gateway.main import main; main()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", command, "serve", env=environment, stdout=asyncio.subprocess.PIPE
    )
    url = f"http://127.0.0.1:{port}"
    try:

        async def ready() -> bool:
            async with httpx.AsyncClient() as client:
                try:
                    answer = await client.get(f"{url}/health/detailed")
                except httpx.TransportError:
                    return False
                return answer.status_code == 200 and answer.json()["status"] == "ok"

        await eventually(ready, timeout_s=20)
        table = house.owner.seat()
        async with TestPhone(url, table.session_id) as phone:
            await phone.auth(house.owner.credential(table, table.guests[0]))
            await phone.command("c-1", ready=True)
            await phone.event_of("c-1")
            async with httpx.AsyncClient() as client:
                page = (await client.get(f"{url}/metrics")).text
                assert "twotop_sockets 1.0" in page
                assert "twotop_deliveries_total" in page
            process.send_signal(signal.SIGTERM)
            assert await phone.close_code() == 1012
            assert phone.bye == "restarting"
        output = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 0
        assert house.owner.credential(table, table.guests[0]).encode() not in output[0]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_the_http_side_is_operations_only() -> None:
    assert openapi().openapi()["paths"] == {}
