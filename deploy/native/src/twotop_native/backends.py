"""The three backends together: made, started side by side, recorded, and ended.

`up` here leaves them running detached, for tests; the supervisor starts the same programs as its own children.
"""

import json
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from twotop_native.paths import Layout
from twotop_native.ports import PortAllocator
from twotop_native.postgres import Postgres
from twotop_native.processes import ProcessId, Program, StartFailed, stop, wait_ready
from twotop_native.rabbitmq import RabbitMq
from twotop_native.redis import Redis
from twotop_native.run_file import write_private_json
from twotop_native.servers import find_backends, user_for
from twotop_native.settings_file import load_or_create

_STOP_SIGNALS = {"postgres": signal.SIGINT}
# Test data is not kept, so nobody waits for an orderly end of these.
_KILLABLE = frozenset({"rabbitmq", "redis"})


@dataclass(frozen=True)
class Backends:
    """One PostgreSQL, one RabbitMQ, one Redis."""

    postgres: Postgres
    rabbitmq: RabbitMq
    redis: Redis

    def programs(self) -> list[Program]:
        """In the order in which they are started; they are stopped the other way round."""
        return [self.postgres.program(), self.redis.program(), self.rabbitmq.epmd_program(), self.rabbitmq.program()]

    def prepare(self) -> None:
        """Make what is missing on disk, side by side: the database cluster takes the longest."""
        with ThreadPoolExecutor() as pool:
            for done in [pool.submit(server.prepare) for server in (self.postgres, self.rabbitmq, self.redis)]:
                done.result()


def plan(layout: Layout, ports: PortAllocator, *, throwaway: bool = False) -> Backends:
    """Choose ports and places. Raises ServerMissing."""
    binaries = find_backends()
    known = load_or_create(layout.secrets_file, layout.data / "secrets.env")
    return Backends(
        Postgres(
            binaries,
            layout.data / "postgres",
            ports.take(),
            known["POSTGRES_PASSWORD"],
            user_for("postgres"),
            throwaway,
        ),
        RabbitMq(
            binaries,
            layout.data / "rabbitmq",
            port=ports.take(),
            management_port=ports.take(),
            distribution_port=ports.take(),
            epmd_port=ports.take(),
            password=known["RABBITMQ_PASSWORD"],
            user=user_for("rabbitmq"),
        ),
        Redis(binaries, layout.data / "redis", ports.take(), known["REDIS_PASSWORD"], user_for("redis")),
    )


def up(layout: Layout, *, throwaway: bool) -> dict[str, Any]:
    """Start detached backends, or find the ones already running there; returns the record kept in backends.json."""
    record = _read(layout.backends_file)
    if record and all(ProcessId(**process).alive for process in record["processes"].values()):
        return record
    if record:
        down(layout)
    layout.prepare()
    backends = plan(layout, PortAllocator(), throwaway=throwaway)
    record = {
        "postgres": {"url": backends.postgres.url},
        "rabbitmq": {"url": backends.rabbitmq.url, "management_url": backends.rabbitmq.management_url},
        "redis": {"url": backends.redis.url},
        "throwaway": throwaway,
        "processes": {},
    }
    started: list[tuple[Program, ProcessId]] = []
    try:
        backends.prepare()
        for program in backends.programs():
            process = ProcessId.of(program.start(layout.log_of(program.name), dies_with_parent=False).pid)
            started.append((program, process))
            record["processes"][program.name] = asdict(process)
            write_private_json(layout.backends_file, record)
            if program.name == "epmd":  # RabbitMQ would start one of its own if it found none
                wait_ready([(program, process)])
        wait_ready(started)
    except (StartFailed, OSError, subprocess.CalledProcessError):
        down(layout)
        raise
    for name in ("postgres", "rabbitmq", "redis"):
        record[name]["pid"] = record["processes"][name]["pid"]
    record["postgres_url"] = backends.postgres.url
    record["broker_url"] = backends.rabbitmq.url
    record["broker_management_url"] = backends.rabbitmq.management_url
    record["redis_url"] = backends.redis.url
    write_private_json(layout.backends_file, record)
    return record


def down(layout: Layout) -> bool:
    """End exactly the recorded backends and remove throwaway data; False when there was nothing to end."""
    record = _read(layout.backends_file)
    if not record:
        return False
    for name in reversed(list(record["processes"])):
        number = (
            signal.SIGKILL if record["throwaway"] and name in _KILLABLE else _STOP_SIGNALS.get(name, signal.SIGTERM)
        )
        stop(ProcessId(**record["processes"][name]), number)
    if record["throwaway"]:
        shutil.rmtree(layout.data, ignore_errors=True)
        layout.secrets_file.unlink(missing_ok=True)
    layout.backends_file.unlink(missing_ok=True)
    return True


def _read(path: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return record
