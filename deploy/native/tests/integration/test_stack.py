"""The whole native stack, started as a person starts it: what dies comes back, and a stop leaves nothing."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest

from twotop_common.testing.eventually import eventually
from twotop_native.launcher import running_supervisor, stop_all
from twotop_native.paths import Layout
from twotop_native.ports import PortAllocator
from twotop_native.processes import ProcessId
from twotop_native.run_file import RunFile

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
PROGRAMS = {
    "postgres",
    "redis",
    "epmd",
    "rabbitmq",
    "session-api",
    "pairing",
    "realtime-gateway",
    "realtime-gateway-2",
    "cleanup-worker",
    "nginx",
}


def launcher(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "twotop_native", *arguments, "--state", str(state)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def up(state: Path, *more: str) -> subprocess.CompletedProcess[str]:
    port = str(PortAllocator().take())
    return launcher(state, "up", "--no-web", "--gateways", "2", "--port", port, *more)


def members(supervisor: int) -> list[psutil.Process]:
    process = psutil.Process(supervisor)
    return [process, *process.children(recursive=True)]


def identities(processes: list[psutil.Process]) -> list[ProcessId]:
    return [ProcessId(process.pid, process.create_time()) for process in processes]


def alive(processes: list[ProcessId]) -> list[ProcessId]:
    return [process for process in processes if process.alive]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("stack")
    started = up(folder)
    assert started.returncode == 0, started.stdout + started.stderr
    yield folder
    launcher(folder, "down", "--remove-data")


def read(state: Path) -> RunFile:
    running = RunFile.read(state / "run.json")
    assert running is not None
    return running


def recorded(state: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((state / "processes.json").read_text())
    return content


def test_run_json_says_what_runs(state: Path) -> None:
    content = json.loads((state / "run.json").read_text())
    assert set(content["services"]) == {"session-api", "pairing", "realtime-gateway", "cleanup-worker"}
    assert len(content["services"]["realtime-gateway"]) == 2
    for instances in content["services"].values():
        for instance in instances:
            assert psutil.pid_exists(instance["pid"])
            assert httpx.get(f"{instance['url']}/health/ready").status_code == 200
    assert set(content["backends"]) == {"postgres", "rabbitmq", "redis"}
    assert all(psutil.pid_exists(backend["pid"]) for backend in content["backends"].values())
    demo = content["demo"]
    assert {"location_id", "closed_table_token", "disabled_table_token", "tables"} == set(demo)
    assert {"number", "table_token", "guest_url"} == set(demo["tables"][0])


def test_every_port_is_on_loopback_and_below_the_range_of_outgoing_connections(state: Path) -> None:
    for process in members(read(state).supervisor_pid or 0):
        for socket in process.net_connections(kind="inet"):
            if socket.status == psutil.CONN_LISTEN:
                assert socket.laddr.ip in {"127.0.0.1", "::ffff:127.0.0.1", "::1"}, process
                assert socket.laddr.port < 32768, process


def test_the_gateway_reaches_the_services(state: Path) -> None:
    running = read(state)
    assert running.demo is not None
    with httpx.Client(base_url=running.gateway_url) as client:
        table = client.get(f"/api/v1/tables/{running.demo.tables[0].table_token}")
        assert table.status_code == 200
        assert client.get("/healthz").status_code == 200
        assert client.post("/internal/heads", json={"session_ids": []}).status_code == 404


def test_an_operators_command_finds_what_runs(state: Path) -> None:
    flags = launcher(state, "operate", "flags", "list", "--json")
    assert flags.returncode == 0, flags.stderr
    assert [flag["name"] for flag in json.loads(flags.stdout)] == ["DUAL_PAIRING_CODE_ENABLED"]
    letters = launcher(state, "operate", "dead-letters", "list", "pairing", "--json")
    assert json.loads(letters.stdout) == [], letters.stderr


def test_a_second_up_says_so_and_changes_nothing(state: Path) -> None:
    before = recorded(state)
    second = up(state)
    assert second.returncode == 0
    assert "already running" in second.stdout
    assert read(state).gateway_url in second.stdout
    assert recorded(state) == before


@pytest.mark.parametrize("service", ["pairing", "cleanup-worker"])
async def test_a_killed_service_is_back_within_seconds_under_the_same_address(state: Path, service: str) -> None:
    before = read(state).services[service][0]
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)

    def back() -> bool:
        now = read(state).services[service][0]
        return now.pid not in {None, before.pid} and now.url == before.url and healthy(now.url)

    assert await eventually(back, timeout_s=15)


async def test_a_killed_backend_is_back(state: Path) -> None:
    before = read(state).backends["redis"]
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    assert await eventually(lambda: read(state).backends["redis"].pid not in {None, before.pid}, timeout_s=15)
    assert read(state).backends["redis"].url == before.url


async def test_a_held_part_stays_stopped_until_it_is_released(state: Path) -> None:
    held = launcher(state, "hold", "redis")
    assert held.returncode == 0, held.stderr
    assert "redis" not in await eventually(lambda: {n: p for n, p in recorded(state).items() if n != "redis"})
    servers = [p for p in members(read(state).supervisor_pid or 0) if "redis-server" in p.name()]
    assert not alive(identities(servers))
    launcher(state, "release", "redis")
    assert await eventually(lambda: recorded(state).get("redis"), timeout_s=10)


async def test_a_stop_leaves_no_process_behind(state: Path) -> None:
    await eventually(lambda: set(recorded(state)) == PROGRAMS, timeout_s=10)
    family = members(read(state).supervisor_pid or 0)
    names = " ".join(process.name() for process in family)
    known = identities(family)
    assert "epmd" in names
    assert "beam" in names
    stopped = launcher(state, "down")
    assert stopped.returncode == 0, stopped.stderr
    assert await eventually(lambda: not alive(known), timeout_s=5)
    assert not (state / "run.json").exists()
    assert "nothing is running" in launcher(state, "down").stdout


def test_a_warm_start_keeps_data(state: Path) -> None:
    def snapshot_of(session_id: str, credential: str) -> httpx.Response:
        return httpx.get(
            f"{read(state).gateway_url}/api/v1/sessions/{session_id}/snapshot",
            headers={"Authorization": f"Bearer {credential}"},
        )

    assert up(state).returncode == 0
    running = read(state)
    assert running.demo is not None
    created = httpx.post(
        f"{running.gateway_url}/api/v1/sessions",
        json={"table_token": running.demo.tables[0].table_token, "mode": "single"},
        headers={"Idempotency-Key": str(uuid4())},
    )
    assert created.status_code == 201, created.text
    session_id = created.json()["session"]["session_id"]
    credential = created.json()["participant"]["credential"]
    before = snapshot_of(session_id, credential)
    assert before.status_code == 200
    assert launcher(state, "down").returncode == 0
    started = up(state)
    assert started.returncode == 0, started.stdout + started.stderr
    assert snapshot_of(session_id, credential).json() == before.json()


async def test_a_killed_supervisor_leaves_nothing(state: Path) -> None:
    running = read(state)
    family = identities(members(running.supervisor_pid or 0))
    os.kill(running.supervisor_pid or 0, signal.SIGKILL)
    assert await eventually(lambda: not alive(family), timeout_s=30)
    layout = Layout.at(state)
    assert running_supervisor(layout) is None
    stop_all(layout)
    assert not (state / "run.json").exists()


async def test_a_system_whose_owner_is_killed_ends_by_itself(state: Path) -> None:
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=subprocess.PIPE)
    try:
        started = up(state, "--owner", str(owner.pid))
        assert started.returncode == 0, started.stdout + started.stderr
        family = identities(members(read(state).supervisor_pid or 0))
    finally:
        owner.kill()
        await owner.wait()
    assert await eventually(lambda: not alive(family), timeout_s=30)
    assert not (state / "run.json").exists()


def healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready").status_code == 200
    except httpx.HTTPError:
        return False
