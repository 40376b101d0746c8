"""The service as a process: it serves, says goodbye on SIGTERM, ends with 0, and idle sockets cost it little."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import asyncpg
import httpx
import pytest
from gateway_testing.house import House
from gateway_testing.owner_double import Guest, Table
from gateway_testing.phones import TestPhone, bare_phone
from gateway_testing.processes import gateway_process

from realtime_gateway.main import openapi
from twotop_common.testing.eventually import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SOCKETS = int(os.environ.get("TWOTOP_TEST_IDLE_SOCKETS", "300"))
KILOBYTES_PER_SOCKET = 30


async def test_sigterm_closes_every_socket_with_1012_and_ends_the_process_cleanly(house: House) -> None:
    async with gateway_process(house.settings) as gateway:
        table = house.owner.seat()
        credential = house.owner.credential(table, table.guests[0])
        async with TestPhone(gateway.url, table.session_id) as phone:
            await phone.auth(credential)
            await phone.command("c-1", ready=True)
            await phone.event_of("c-1")
            async with httpx.AsyncClient(trust_env=False) as client:
                page = (await client.get(f"{gateway.url}/metrics")).text
            assert "twotop_sockets 1.0" in page
            assert "twotop_deliveries_total" in page
            gateway.process.send_signal(signal.SIGTERM)
            assert await phone.close_code() == 1012
            assert phone.bye == "restarting"
        output, _ = await asyncio.wait_for(gateway.process.communicate(), 20)
        assert gateway.process.returncode == 0
        assert credential.encode() not in output


async def test_a_killed_instance_loses_no_event_and_its_lost_phones_are_declared_gone(house: House) -> None:
    settings = {**house.settings, "gone_after_s": 2, "instance_beat_s": 0.2}
    async with gateway_process(settings) as first, gateway_process(settings) as second:
        table = house.owner.seat()
        a, b = table.guests
        async with TestPhone(first.url, table.session_id) as lost, TestPhone(second.url, table.session_id) as staying:
            await staying.auth(house.owner.credential(table, b))
            await lost.auth(house.owner.credential(table, a))
            await staying.until_presence(A="online", B="online")
            house.owner.append(table)
            await lost.until_seq(2)
            first.process.kill()
            house.owner.append(table)
            await lost.close_code()
            await staying.until_seq(3)
            async with TestPhone(second.url, table.session_id) as back:
                await back.auth(house.owner.credential(table, a), last_seq=2)
                house.owner.append(table)
                assert await back.until_seq(4) == [3, 4]
            await staying.until_presence(A="away")
            await staying.until_presence(A="gone", B="online")
            assert staying.seqs == [1, 2, 3, 4]


async def test_those_who_were_on_a_killed_instance_and_stay_away_are_declared_gone_by_another(house: House) -> None:
    settings = {**house.settings, "gone_after_s": 2, "instance_beat_s": 0.2}
    async with gateway_process(settings) as first, gateway_process(settings) as second:
        table = house.owner.seat()
        a, b = table.guests
        async with TestPhone(first.url, table.session_id) as lost, TestPhone(second.url, table.session_id) as staying:
            await staying.auth(house.owner.credential(table, b))
            await lost.auth(house.owner.credential(table, a))
            await staying.until_presence(A="online", B="online")
            first.process.kill()
            await lost.close_code()
            await staying.until_presence(A="gone", B="online")

            async def told() -> bool:
                gone = await house.published("twotop.participant.gone.v1")
                return [one["participant_id"] for one in gone] == [str(a.participant_id)]

            await eventually(told)


async def test_an_idle_socket_costs_little_memory(house: House) -> None:
    async with gateway_process({**house.settings, "heartbeat_s": 600, "probe_after_s": 600}) as gateway:
        tables = [house.owner.seat() for _ in range(SOCKETS // 2)]
        connection = await asyncpg.connect(house.settings["database_url"])
        try:
            await connection.executemany(
                "INSERT INTO registrations (session_id, participant_id, role, generation) VALUES ($1, $2, $3, 1)",
                [(table.session_id, guest.participant_id, guest.role) for table in tables for guest in table.guests],
            )
        finally:
            await connection.close()
        warm = [await idle_phone(house, gateway.url, table, table.guests[0]) for table in tables[:50]]
        for writer in warm:
            writer.close()
        before = resident_kilobytes(gateway.process.pid)
        gate = asyncio.Semaphore(8)

        async def open_one(table: Table, guest: Guest) -> asyncio.StreamWriter:
            async with gate:
                return await idle_phone(house, gateway.url, table, guest)

        writers = await asyncio.gather(*(open_one(table, guest) for table in tables for guest in table.guests))
        cost = (resident_kilobytes(gateway.process.pid) - before) / len(writers)
        for writer in writers:
            writer.close()
        print(f"{cost:.1f} kB per idle socket at {len(writers)}")
        assert cost <= KILOBYTES_PER_SOCKET


async def idle_phone(house: House, url: str, table: Table, guest: Guest) -> asyncio.StreamWriter:
    """A bare phone, for thousands of real clients would fill the machine.

    On a machine that is busy with other things it may be asked to try again, and does.
    """
    for _ in range(10):
        with suppress(asyncio.IncompleteReadError, ConnectionResetError):
            return await bare_phone(url, table.session_id, house.owner.credential(table, guest))
    raise AssertionError("asked to try again ten times")


def resident_kilobytes(pid: int) -> int:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def test_the_http_side_is_operations_only() -> None:
    assert openapi().openapi()["paths"] == {}
