"""Ends test backends whose owner is gone: a killed test run must not leave servers behind."""

import subprocess
import sys
import time
from pathlib import Path

from twotop_native.backends import down
from twotop_native.paths import Layout
from twotop_native.processes import ProcessId

_POLL_S = 1.0


def watch_over(layout: Layout, owner: int) -> None:
    """Start the guard in the background. It ends with the backends, or ends them when the owner has ended."""
    process = ProcessId.of(owner)
    arguments = [str(layout.state), str(process.pid), str(process.started)]
    with layout.log_of("guard").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "twotop_native.guard", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )


def main(state: str, pid: str, started: str) -> None:
    """Entry of the background process."""
    layout = Layout.at(Path(state))
    owner = ProcessId(int(pid), float(started))
    while layout.backends_file.exists():
        if not owner.alive:
            down(layout)
            return
        time.sleep(_POLL_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
