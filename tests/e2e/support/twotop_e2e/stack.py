"""The running system under test, as its ``run.json`` describes it, and what a test may do to it.

A stack is private (started here through the launcher, in a folder of its own) or given: ``TWOTOP_E2E_RUN_JSON`` names
the ``run.json`` of a system that runs already, natively or under Compose. Pids change with every restart, so the file
is read anew each time.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psutil

from twotop_common.testing.eventually import eventually

ROOT = Path(__file__).parents[4]
LIFTED = {"TWOTOP_RATE_LIMITS_ENABLED": "false"}
HALL, HURRY, BRIEF, SHUT, QUIET = "e2e-hall", "e2e-hurry", "e2e-brief", "e2e-shut", "e2e-quiet"


def _location(slug: str, name: str, tables: int, **more: Any) -> dict[str, Any]:
    return {
        "slug": slug,
        "name": name,
        "timezone": "UTC",
        "language": "en",
        "currency": "EUR",
        "hours": {"daily": ["00:00-24:00"]},
        "tables": [{"number": number, "seats": 2} for number in range(1, tables + 1)],
        **more,
    }


VENUES = {
    "tenant": {"slug": "e2e", "name": "End to end"},
    "locations": [
        _location(HALL, "Trattoria Lume", 600),
        # Here everything runs out while a test can wait for it.
        _location(HURRY, "Bistro Presto", 100, lifetimes={"code_s": 2, "code_grace_s": 2, "pending_s": 4, "idle_s": 4}),
        # Here codes run out, and the guests have time to look at that.
        _location(BRIEF, "Taverna Bellavista", 20, lifetimes={"code_s": 1}),
        # Has one party at a time, so that what happened there can be counted.
        _location(QUIET, "Café Silence", 20),
        # Opens the day after tomorrow.
        _location(
            SHUT,
            "Osteria del Ponte",
            20,
            hours={f"{datetime.now(UTC) + timedelta(days=2):%a}".lower(): ["12:00-14:00"]},
        ),
    ],
}


class StackFailed(Exception):
    """The launcher gave up; its last words."""


@dataclass
class Stack:
    """A running system. ``state`` is the launcher's folder, None for a system given from outside."""

    run_file: Path
    state: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    _tables: dict[str, Iterator[str]] = field(default_factory=dict)

    @property
    def run(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.run_file.read_text(encoding="utf-8"))
        return content

    @property
    def origin(self) -> str:
        return str(self.run["gateway_url"])

    def socket_url(self, session_id: str, *, through: str | None = None) -> str:
        """A session's socket, by another way than the gateway's own address where ``through`` names one."""
        return f"{(through or self.origin).replace('http', 'ws', 1)}/ws/sessions/{session_id}"

    @property
    def demo(self) -> dict[str, Any]:
        demo: dict[str, Any] = self.run["demo"]
        return demo

    def fresh_table(self, location: str = HALL) -> str:
        """The token of an open table nobody sits at. A system out of our reach has its demo tables, taken in turn."""
        if not self._tables:
            if self.state is not None:
                self._tables = {slug: iter(tokens) for slug, tokens in self._import_venues().items()}
            else:
                self._tables = {HALL: itertools.cycle(str(table["table_token"]) for table in self.demo["tables"])}
        return next(self._tables[location])

    def database_url(self, service: str) -> str:
        """A service's database, as the server's own user."""
        name = service.replace("-", "_")
        return urlunsplit(urlsplit(str(self.run["backends"]["postgres"]["url"]))._replace(path=f"/{name}"))

    @property
    def broker_url(self) -> str:
        return str(self.run["backends"]["rabbitmq"]["url"])

    @property
    def redis_url(self) -> str:
        return str(self.run["backends"]["redis"]["url"])

    def logs(self) -> Iterator[tuple[str, bytes]]:
        """Every log file of a private stack."""
        if self.state is None:
            raise StackFailed("a given system's logs are not ours to read")
        for path in sorted((self.state / "logs").rglob("*")):
            if path.is_file():
                yield path.name, path.read_bytes()

    # -- what a test may do to it

    def pid(self, service: str, number: int = 0) -> int:
        return int(self.run["services"][service][number]["pid"])

    def instances(self, service: str) -> int:
        return len(self.run["services"][service])

    def kill(self, service: str, number: int = 0) -> int:
        """kill -9 one instance of a service. The pid it had."""
        pid = self.pid(service, number)
        psutil.Process(pid).send_signal(signal.SIGKILL)
        return pid

    async def back(self, service: str, number: int, before: int, *, timeout_s: float = 40) -> None:
        """Wait until the launcher has the killed instance running and ready again."""

        async def ready() -> bool:
            instance = self.run["services"][service][number]
            return instance["pid"] not in (None, before) and await is_ready(instance["url"])

        await eventually(ready, timeout_s=timeout_s, interval_s=0.1)

    async def all_ready(self, *, timeout_s: float = 60) -> None:
        """Wait until every instance of every service says that it is well, its dependencies too."""

        async def ready() -> bool:
            urls = [instance["url"] for instances in self.run["services"].values() for instance in instances]
            return all([await is_ready(url, "/health/detailed", "ok") for url in urls])

        await eventually(ready, timeout_s=timeout_s, interval_s=0.1)

    def hold(self, program: str, *, kill: bool = False) -> None:
        """Stop one part and leave it stopped."""
        self._launch("hold", program, *(["--kill"] if kill else []))

    def release(self, program: str) -> None:
        """Let a held part start again."""
        self._launch("release", program)

    async def reachable(self, program: str, *, timeout_s: float = 60) -> None:
        """Wait until a released backend takes connections, or a released instance is ready."""
        if program in self.run["backends"]:
            parts = urlsplit(str(self.run["backends"][program]["url"]))

            async def listening() -> bool:
                try:
                    _, writer = await asyncio.open_connection(parts.hostname, parts.port)
                except OSError:
                    return False
                writer.close()
                return True

            await eventually(listening, timeout_s=timeout_s, interval_s=0.05)
            return
        service, _, number = program.rpartition("-") if program[-1].isdigit() else (program, "", "1")
        url = self.run["services"][service][int(number) - 1]["url"]
        await eventually(lambda: is_ready(url), timeout_s=timeout_s, interval_s=0.05)

    def operate(self, *arguments: str) -> str:
        """Run the operator's ``twotop`` command on this system. Its standard output."""
        env = {
            **os.environ,
            "TWOTOP_ENVIRONMENT": "development",
            "TWOTOP_DATABASE_URL": self.database_url("session-api"),
            "TWOTOP_BROKER_URL": self.broker_url,
        }
        done = subprocess.run(
            [str(Path(sys.executable).parent / "twotop"), *arguments],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StackFailed(done.stderr[-2_000:])
        return done.stdout

    def _launch(self, *arguments: str) -> None:
        if self.state is None:
            raise StackFailed("a given system is not ours to stop")
        launch(*arguments, f"--state={self.state}")

    def _import_venues(self) -> dict[str, list[str]]:
        """Locations of this test run's own, in the operator's way, so that no test shares a table. Tokens by slug."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "venues.json"
            path.write_text(json.dumps(VENUES), encoding="utf-8")
            imported = json.loads(self.operate("import", str(path), "--json"))
        tokens = {place["slug"]: [str(table["token"]) for table in place["tables"]] for place in imported["locations"]}
        for of_place in tokens.values():
            # A system that is given may have been tested before: begin somewhere else.
            random.shuffle(of_place)
        return tokens


async def is_ready(url: str, path: str = "/health/ready", status: str | None = None) -> bool:
    """Whether a service answers 200, and with this ``status`` where one is wanted."""
    try:
        async with httpx.AsyncClient(timeout=3, verify=False) as client:
            answer = await client.get(url + path)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200 and (status is None or answer.json()["status"] == status)


def given_stack(run_file: Path) -> Stack:
    """A system that runs already; within our reach when it is the launcher's."""
    ours = (run_file.parent / "processes.json").exists()
    return Stack(run_file=run_file, state=run_file.parent if ours else None)


def launch(*arguments: str) -> str:
    """Run the launcher. Raises StackFailed with its last words."""
    command = [sys.executable, "-m", "twotop_native", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise StackFailed((done.stdout + done.stderr)[-3_000:])
    return done.stdout


@contextlib.contextmanager
def private_stack(state: Path, *, gateways: int = 1, settings: Mapping[str, str] = LIFTED) -> Iterator[Stack]:
    """A system of this test run's own, on real disks, stopped and removed at the end, whatever happens."""
    chosen = [f"--set={name}={value}" for name, value in settings.items()]
    # Two that start at the same moment must not both find the same port free.
    port = random.randrange(18_000, 19_000)
    try:
        launch("up", f"--state={state}", f"--gateways={gateways}", f"--port={port}", f"--owner={os.getpid()}", *chosen)
        yield Stack(run_file=state / "run.json", state=state, settings=settings)
    finally:
        keep = os.environ.get("TWOTOP_E2E_KEEP_LOGS")
        if keep and (state / "logs").is_dir():
            subprocess.run(["cp", "-r", str(state / "logs"), f"{keep}/{state.name}"], check=False)
        launch("down", f"--state={state}", "--remove-data")
