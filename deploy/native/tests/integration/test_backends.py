"""Backends for tests: started alone, used, and gone without a trace."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest
from redis.asyncio import Redis

from twotop_common.testing.eventually import eventually
from twotop_native.paths import Layout
from twotop_native.processes import ProcessId

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


def backends(state: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "twotop_native", "backends", *arguments, "--state", str(state)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_backends_can_be_used_and_leave_nothing(tmp_path: Path) -> None:
    record: dict[str, Any] = json.loads(backends(tmp_path, "up", "--json"))
    try:
        again = json.loads(backends(tmp_path, "up", "--json"))
        assert again["processes"] == record["processes"]
        connection = await asyncpg.connect(record["postgres_url"])
        assert await connection.fetchval("SHOW fsync") == "off"
        await connection.close()
        async with Redis.from_url(record["redis_url"]) as redis:
            assert await redis.ping()
        async with httpx.AsyncClient() as client:
            vhosts = await client.put(f"{record['broker_management_url']}/api/vhosts/one")
        assert vhosts.status_code == 201
        family = [ProcessId(**process) for process in record["processes"].values()]
        for process in list(family):
            family += [
                ProcessId(child.pid, child.create_time())
                for child in psutil.Process(process.pid).children(recursive=True)
            ]
    finally:
        backends(tmp_path, "down")
    assert not [process for process in family if process.alive]
    assert not Layout.at(tmp_path).data.exists()
    assert not (tmp_path / "backends.json").exists()


async def test_backends_end_by_themselves_when_their_owner_is_killed(tmp_path: Path) -> None:
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(600)")
    try:
        record: dict[str, Any] = json.loads(backends(tmp_path, "up", "--json", "--owner", str(owner.pid)))
        processes = [ProcessId(**process) for process in record["processes"].values()]
    finally:
        owner.kill()
        await owner.wait()
    await eventually(lambda: not [process for process in processes if process.alive])
    await eventually(lambda: not (tmp_path / "backends.json").exists())
