"""`run.json`: what runs, for people, tests and benches. Its shape is part of the project's contract."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict


class RunningService(BaseModel):
    """One instance of a service; the pid is null when a container engine runs it."""

    pid: int | None
    url: str


class RunningBackend(BaseModel):
    """One backend, reached with the launcher's own administrative account."""

    url: str
    pid: int | None
    management_url: str | None = None


class DemoTable(BaseModel):
    number: str
    table_token: str
    guest_url: str


class Demo(BaseModel):
    """The demo restaurant: its open tables, one table for each way of being refused."""

    location_id: str
    closed_table_token: str
    disabled_table_token: str
    tables: list[DemoTable]


class RunFile(BaseModel):
    model_config = ConfigDict(extra="ignore")

    gateway_url: str
    services: dict[str, list[RunningService]]
    backends: dict[str, RunningBackend]
    demo: Demo | None = None
    gateway_pid: int | None = None
    supervisor_pid: int | None = None
    databases: dict[str, str] = {}

    @classmethod
    def read(cls, path: Path) -> "RunFile | None":
        """The file's content, or None when nothing runs."""
        try:
            return cls.model_validate_json(path.read_text())
        except FileNotFoundError:
            return None

    def write(self, path: Path) -> None:
        write_private_json(path, self.model_dump(mode="json"))


def scrape_targets(running: RunFile) -> list[dict[str, Any]]:
    """Where Prometheus finds each instance's metrics, in the form of its file-based service discovery."""
    return [
        {"targets": [urlsplit(instance.url).netloc for instance in instances], "labels": {"job": service}}
        for service, instances in running.services.items()
    ]


def write_private_json(path: Path, content: Any) -> None:
    """Replace a file as a whole: readers see the old content or the new. Only its owner can read it."""
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=2)
    draft.replace(path)
