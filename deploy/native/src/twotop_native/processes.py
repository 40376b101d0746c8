"""Starting, recognising and ending processes.

Invariants: a process is named by pid *and* start time, so a reused pid is never signalled; each program leads a
session of its own, so a signal to its group reaches helpers it forked; nothing is ended that is not in our record.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

LOG_LIMIT_BYTES = 20_000_000
# util-linux; without it (another system) a killed supervisor's programs are ended by the next `up` or `down` instead.
_SETPRIV = shutil.which("setpriv")


@dataclass(frozen=True)
class ProcessId:
    """A process that cannot be confused with a later one of the same pid."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "ProcessId":
        return cls(pid, psutil.Process(pid).create_time())

    def handle(self) -> psutil.Process | None:
        """The live process, or None once it is gone (a zombie counts as gone)."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) > 1 or process.status() == psutil.STATUS_ZOMBIE:
                return None
        except psutil.Error:
            return None
        return process

    @property
    def alive(self) -> bool:
        return self.handle() is not None


@dataclass(frozen=True)
class Program:
    """One long-running process: how to start it, how to end it, how to see that it is ready."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15
    ready: Callable[[], bool] = lambda: True
    ready_seconds: float = 60

    def start(self, log: Path, *, dies_with_parent: bool) -> subprocess.Popen[bytes]:
        """Start it in its own session, writing to `log`. The caller decides whether it may outlive its parent."""
        if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))
        leash = [_SETPRIV, "--pdeathsig", "TERM"] if dies_with_parent and _SETPRIV else []
        with log.open("ab") as output:
            return subprocess.Popen(
                [*leash, *self.argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**inherited_environment(self.user), **self.env},
                cwd=self.cwd or "/",
                user=self.user,
                group=pwd.getpwnam(self.user).pw_gid if self.user else None,
                extra_groups=[] if self.user else None,
                start_new_session=True,
            )


def inherited_environment(user: str | None) -> dict[str, str]:
    """What a program may see of our own environment; another user's program sees no home or secrets of ours."""
    if user is None:
        return dict(os.environ)
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TZ") if name in os.environ}
    return {**kept, "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def signal_group(process: ProcessId, number: signal.Signals) -> None:
    """Signal a program we started and whatever shares its group."""
    if process.alive:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)


def stop(process: ProcessId, number: signal.Signals = signal.SIGTERM, seconds: float = 15) -> None:
    """Ask a process to end, wait, and insist. Children that outlive it are ended too."""
    handle = process.handle()
    if handle is None:
        return
    family: list[psutil.Process] = []
    # It may end by itself at any moment.
    with contextlib.suppress(psutil.NoSuchProcess):
        family = handle.children(recursive=True)
        handle.send_signal(number)
    if not wait_gone([process], seconds):
        with contextlib.suppress(psutil.NoSuchProcess):
            handle.kill()
    end_leftovers(family)
    wait_gone([process], 5)


def end_leftovers(family: Sequence[psutil.Process], patience: float = 3) -> None:
    """End what is left of a stopped program's children (most end by themselves, given a moment)."""
    known = []
    for child in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            known.append(ProcessId(child.pid, child.create_time()))
    wait_gone(known, patience)
    for left in known:
        if handle := left.handle():
            with contextlib.suppress(psutil.NoSuchProcess):
                handle.kill()
    wait_gone(known, patience)


def wait_gone(processes: Sequence[ProcessId], seconds: float) -> bool:
    """Wait until all have ended; reaps those that are children of this process."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for process in processes:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)
        if not any(process.alive for process in processes):
            return True
        time.sleep(0.05)
    return not any(process.alive for process in processes)


def wait_ready(programs: Sequence[tuple[Program, ProcessId]]) -> None:
    """Poll the programs together until each is ready. Raises StartFailed for the first that ends or takes too long."""
    waiting = list(programs)
    began = time.monotonic()
    while waiting:
        for program, process in list(waiting):
            if program.ready():
                waiting.remove((program, process))
                continue
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)
            if not process.alive:
                raise StartFailed(f"{program.name} ended while starting")
            if time.monotonic() - began > program.ready_seconds:
                raise StartFailed(f"{program.name} was not ready after {program.ready_seconds:.0f} s")
        if waiting:
            time.sleep(0.05)


class StartFailed(RuntimeError):
    """A program did not come up; its log says why."""
