"""A private PostgreSQL."""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from twotop_native.ports import LOOPBACK, answers
from twotop_native.processes import Program, inherited_environment
from twotop_native.servers import Binaries

SUPERUSER = "postgres"
# Test data is thrown away, so a crash may lose it: nothing waits for a disk.
_THROWAWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_wal_size=4GB")


@dataclass(frozen=True)
class Postgres:
    """Where it runs and how to reach it."""

    binaries: Binaries
    data: Path
    port: int
    password: str
    user: str | None
    throwaway: bool = False

    @property
    def url(self) -> str:
        return f"postgresql://{SUPERUSER}:{self.password}@{LOOPBACK}:{self.port}/postgres"

    def prepare(self) -> None:
        """Make the cluster if there is none. A half-made one (initdb was interrupted) is made again."""
        if (self.data / "PG_VERSION").exists() and not (self.data / "unfinished").exists():
            return
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True)
        password_file = self.data.with_name("postgres-password")
        descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(descriptor, self.password.encode())
        os.close(descriptor)
        self._own(self.data, password_file)
        command = [str(self.binaries.initdb), "-D", str(self.data), "-U", SUPERUSER, f"--pwfile={password_file}"]
        command += ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"]
        if self.throwaway:
            command.append("--no-sync")
        try:
            subprocess.run(
                command, check=True, user=self.user, cwd="/", env=inherited_environment(self.user), capture_output=True
            )
        except subprocess.CalledProcessError:
            shutil.rmtree(self.data, ignore_errors=True)
            raise
        finally:
            password_file.unlink()

    def program(self) -> Program:
        settings = [
            f"listen_addresses={LOOPBACK}",
            "unix_socket_directories=",
            f"port={self.port}",
            "max_connections=300",
            "shared_buffers=256MB",
            "wal_compression=on",
            "log_min_messages=warning",
            # A failing statement is not logged with its text: it would carry what guests typed.
            "log_min_error_statement=panic",
            *(_THROWAWAY if self.throwaway else ()),
        ]
        argv = [str(self.binaries.postgres), "-D", str(self.data)]
        for setting in settings:
            argv += ["-c", setting]
        return Program(
            name="postgres",
            argv=argv,
            user=self.user,
            stop_signal=signal.SIGINT,  # "fast": ends connections, then writes a checkpoint
            ready=self._accepts,
        )

    def _accepts(self) -> bool:
        pid_file = self.data / "postmaster.pid"
        try:
            lines = pid_file.read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready" and answers(self.port)

    def _own(self, *paths: Path) -> None:
        for path in paths:
            if self.user:
                shutil.chown(path, self.user, self.user)
        self.data.chmod(0o700)
