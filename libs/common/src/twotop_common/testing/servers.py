"""Where the tests' PostgreSQL, RabbitMQ and Redis come from: ``TWOTOP_TEST_BACKENDS``.

external: servers that run already, named by TWOTOP_TEST_{POSTGRES,BROKER,BROKER_MANAGEMENT,REDIS}_URL.
docker: testcontainers. native: the native launcher's private servers. auto: external when named, docker when there is
an engine that has the images, else native.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

VARIABLES = {
    "postgres": "TWOTOP_TEST_POSTGRES_URL",
    "broker": "TWOTOP_TEST_BROKER_URL",
    "broker_management": "TWOTOP_TEST_BROKER_MANAGEMENT_URL",
    "redis": "TWOTOP_TEST_REDIS_URL",
}
POSTGRES_IMAGE = "postgres:16-alpine"
BROKER_IMAGE = "rabbitmq:4-management-alpine"
REDIS_IMAGE = "redis:7-alpine"


@dataclass(frozen=True, slots=True)
class Servers:
    """Addresses: a PostgreSQL superuser's, the broker's with its management API, Redis'."""

    postgres: str
    broker: str
    broker_management: str
    redis: str

    def as_environment(self) -> dict[str, str]:
        """The variables with which another process finds the same servers."""
        return {VARIABLES[name]: url for name, url in asdict(self).items()}


def servers() -> AbstractContextManager[Servers]:
    """The servers that TWOTOP_TEST_BACKENDS asks for, as long as the context lasts."""
    choice = os.environ.get("TWOTOP_TEST_BACKENDS", "auto")
    named = {name: os.environ.get(variable, "") for name, variable in VARIABLES.items()}
    if choice == "external" or (choice == "auto" and all(named.values())):
        missing = [VARIABLES[name] for name, url in named.items() if not url]
        if missing:
            raise RuntimeError(f"TWOTOP_TEST_BACKENDS=external needs {', '.join(missing)}")
        return contextlib.nullcontext(Servers(**named))
    if choice == "docker" or (choice == "auto" and _docker_usable()):
        containers = importlib.import_module("twotop_common.testing.containers")
        started: AbstractContextManager[Servers] = containers.containers()
        return started
    if choice in ("native", "auto"):
        return _native()
    raise RuntimeError(f"TWOTOP_TEST_BACKENDS={choice} is none of auto, docker, native, external")


def _docker_usable() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        listed = subprocess.run(
            [docker, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    if listed.returncode:
        return False
    return {POSTGRES_IMAGE, BROKER_IMAGE, REDIS_IMAGE} <= set(listed.stdout.split())


@contextlib.contextmanager
def _native() -> Iterator[Servers]:
    with tempfile.TemporaryDirectory(prefix="twotop-test-") as state:
        # The servers run as users of their own and have to reach their data.
        Path(state).chmod(0o755)
        launcher = [sys.executable, "-m", "twotop_native", "backends"]
        try:
            started = subprocess.run(
                [*launcher, "up", "--state", state, "--json", "--owner", str(os.getpid())],
                capture_output=True,
                text=True,
                check=False,
            )
            if started.returncode:
                raise RuntimeError(f"the native servers did not start:\n{started.stderr[-4_000:]}")
            found = json.loads(started.stdout.strip().splitlines()[-1])
            yield Servers(
                postgres=found["postgres_url"],
                broker=found["broker_url"],
                broker_management=found["broker_management_url"],
                redis=found["redis_url"],
            )
        finally:
            subprocess.run([*launcher, "down", "--state", state], capture_output=True, check=False)
