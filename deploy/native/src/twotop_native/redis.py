"""A private Redis that keeps nothing on disk: it holds only what can be rebuilt."""

import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from twotop_native.ports import LOOPBACK
from twotop_native.processes import Program
from twotop_native.servers import Binaries


@dataclass(frozen=True)
class Redis:
    """Where it runs and how to reach it."""

    binaries: Binaries
    data: Path
    port: int
    password: str
    user: str | None

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        """Write the configuration; a file keeps the password out of the process list."""
        self.data.mkdir(parents=True, exist_ok=True)
        path = self.data / "redis.conf"
        lines = (
            f"bind {LOOPBACK}",
            f"port {self.port}",
            f"requirepass {self.password}",
            f"dir {self.data}",
            'save ""',
            "appendonly no",
            "maxmemory 256mb",
            "maxmemory-policy volatile-ttl",
            "loglevel warning",
        )
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write("\n".join(lines) + "\n")
        if self.user:
            for owned in (self.data, path):
                shutil.chown(owned, self.user, self.user)

    def program(self) -> Program:
        return Program(
            name="redis",
            argv=[str(self.binaries.redis), str(self.data / "redis.conf")],
            user=self.user,
            stop_seconds=5,
            ready=self._accepts,
        )

    def _accepts(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=0.5) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while b"PONG" not in answer:
                    if not (chunk := connection.recv(64)):
                        return False
                    answer += chunk
                return True
        except OSError:
            return False
