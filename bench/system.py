"""A private system to measure: started by the native launcher in a state folder of its own, limits of guests off."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).parents[1]
SETTINGS = {"TWOTOP_RATE_LIMITS_ENABLED": "false"}


class SystemDidNotStart(Exception):
    """The launcher gave up; its last words."""


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
def running_system(state: Path, *, keep: bool = False, web: bool = True) -> Iterator[System]:
    """Start, and stop again at the end, whatever happens; with ``keep`` the data stays for a next start.

    Without ``web`` the guest app is not built.

    Raises SystemDidNotStart with the launcher's last words.
    """
    began = time.perf_counter()
    settings = [f"--set={name}={value}" for name, value in SETTINGS.items()]
    started = _launch("up", f"--state={state}", f"--owner={os.getpid()}", *settings, *([] if web else ["--no-web"]))
    try:
        if started.returncode != 0:
            raise SystemDidNotStart((started.stdout + started.stderr)[-2000:])
        elapsed = time.perf_counter() - began
        yield System(json.loads((state / "run.json").read_text(encoding="utf-8")), elapsed)
    finally:
        _launch("down", f"--state={state}", *([] if keep else ["--remove-data"]))


def _launch(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "twotop_native", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
