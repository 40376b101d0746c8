"""Keeps one program running: starts it, starts it again when it dies, leaves it stopped while it is held.

Invariants: the thread that starts a program lives until that program has ended (the kernel ends the program when its
starting thread does, so that a killed supervisor takes everything with it); a program is restarted on the same ports;
the first restart comes at once, later ones wait longer, and one that ran for a while starts over with no wait.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from twotop_native.processes import ProcessId, Program, end_leftovers, stop

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 10.0
STEADY_AFTER_S = 20.0
_HOLD_POLL_S = 0.1


class Keeper(threading.Thread):
    """One program's life. `changed` is called from this thread after each start and end."""

    def __init__(
        self,
        program: Program,
        log: Path,
        hold_file: Path,
        changed: Callable[["Keeper"], None],
        report: Callable[[str], None],
    ) -> None:
        super().__init__(name=f"keep-{program.name}", daemon=True)
        self.program = program
        self.process: ProcessId | None = None
        self.starts = 0
        self._log = log
        self._hold_file = hold_file
        self._changed = changed
        self._report = report
        self._stopping = threading.Event()

    def run(self) -> None:
        wait = 0.0
        while not self._stopping.wait(wait):
            if self._hold_file.exists():
                wait = _HOLD_POLL_S
                continue
            began = time.monotonic()
            code = self._run_once()
            if self._stopping.is_set():
                break
            wait = next_wait(wait, time.monotonic() - began)
            if not self._hold_file.exists():
                self._report(f"{self.program.name} ended (exit code {code}); starting it again in {wait:.1f} s")

    def _run_once(self) -> int | None:
        try:
            child = self.program.start(self._log, dies_with_parent=True)
        except OSError as refused:
            self._report(f"{self.program.name} cannot be started: {refused}")
            return None
        self.starts += 1
        with contextlib.suppress(psutil.NoSuchProcess):
            self.process = ProcessId.of(child.pid)
        self._changed(self)
        code = child.wait()
        # What a killed program leaves behind (nginx's workers, say) would keep its ports.
        end_leftovers(session_members(child.pid))
        self.process = None
        self._changed(self)
        return code

    @property
    def ready(self) -> bool:
        return self.process is not None and self.program.ready()

    def stop(self) -> None:
        """End the program for good and wait for it."""
        self._stopping.set()
        if process := self.process:
            stop(process, self.program.stop_signal, self.program.stop_seconds)
        self.join(self.program.stop_seconds)


def next_wait(previous: float, lived: float) -> float:
    """Seconds to wait before the next start of a program that lived for `lived` seconds."""
    if lived >= STEADY_AFTER_S or previous < FIRST_WAIT_S:
        return FIRST_WAIT_S
    return min(previous * 2, LONGEST_WAIT_S)


def session_members(leader: int) -> list[psutil.Process]:
    """The processes of a session, its leader left out: what a program forked and did not detach."""
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if process.pid != leader and os.getsid(process.pid) == leader:
                members.append(process)
    return members
