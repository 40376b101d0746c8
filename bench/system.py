"""A private system to measure: started by the native launcher in a state folder of its own, limits of guests off."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).parents[1]
START_PATIENCE_S = 180.0
SETTINGS = {
    "TWOTOP_RATE_LIMITS_ENABLED": "false",
    "TWOTOP_LIVE_SESSIONS_PER_TABLE": "100000",
    "TWOTOP_ENVIRONMENT": "development",
}


class SystemDidNotStart(Exception):
    """The launcher gave up, or was not ready in time; its last words."""


@dataclass(frozen=True)
class System:
    """A running system, as its ``run.json`` describes it."""

    run: dict[str, Any]
    started_in_s: float

    @property
    def gateway(self) -> str:
        return str(self.run["gateway_url"])

    @property
    def tables(self) -> list[str]:
        return [str(table["table_token"]) for table in self.run["demo"]["tables"]]

    @property
    def postgres_url(self) -> str:
        return str(self.run["backends"]["postgres"]["url"])

    @property
    def broker_url(self) -> str:
        return str(self.run["backends"]["rabbitmq"]["url"])

    def database_url(self, name: str) -> str:
        """A service's database, as the server's own user."""
        return urlunsplit(urlsplit(self.postgres_url)._replace(path=f"/{name}"))

    def pids(self, service: str) -> list[int]:
        """Of every instance of a service. Raises KeyError when the system does not tell (Compose)."""
        return [int(instance["pid"]) for instance in self.run["services"][service]]


@contextlib.contextmanager
def running_system(state: Path) -> Iterator[System]:
    """Start, wait until ready, and stop again at the end, whatever happens. Raises SystemDidNotStart."""
    launcher = [sys.executable, "-m", "twotop_native"]
    environment = {**os.environ, **SETTINGS}
    began = time.perf_counter()
    log = (state.parent / f"{state.name}.log").open("w+b")
    process = subprocess.Popen(
        [*launcher, "up", "--state", str(state)], cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        run = _wait_until_ready(process, state / "run.json", log.name)
        yield System(run, time.perf_counter() - began)
    finally:
        subprocess.run([*launcher, "down", "--state", str(state)], cwd=ROOT, env=environment, check=False, stdout=log)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=30)
        if process.poll() is None:
            process.terminate()
        log.close()


def _wait_until_ready(process: subprocess.Popen[bytes], run_file: Path, log: str) -> dict[str, Any]:
    deadline = time.perf_counter() + START_PATIENCE_S
    while time.perf_counter() < deadline:
        if process.poll() not in (None, 0):
            break
        with contextlib.suppress(OSError, ValueError, KeyError):
            run: dict[str, Any] = json.loads(run_file.read_text(encoding="utf-8"))
            table = run["demo"]["tables"][0]["table_token"]
            with urllib.request.urlopen(f"{run['gateway_url']}/api/v1/tables/{table}", timeout=5) as answer:
                if answer.status == 200:
                    return run
        time.sleep(0.1)
    raise SystemDidNotStart(Path(log).read_text(encoding="utf-8", errors="replace")[-2000:])
