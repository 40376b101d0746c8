"""Running `twotop`, the operator's command, against the system that was started natively."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from twotop_native.processes import ProcessId
from twotop_native.run_file import RunFile


def operate_natively(supervisor: ProcessId, running: RunFile, arguments: Sequence[str]) -> int:
    """Run `twotop` with the settings of session-api. Returns its exit code."""
    process = supervisor.handle()
    # What was set when the system was started holds, not what this shell happens to have.
    started_with = process.environ() if process else {}
    command = [str(Path(sys.executable).parent / "twotop"), *arguments]
    return subprocess.run(command, env=_environment(running, started_with), check=False).returncode


def _environment(running: RunFile, started_with: Mapping[str, str]) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("TWOTOP_")},
        **{name: value for name, value in started_with.items() if name.startswith("TWOTOP_")},
        "TWOTOP_DATABASE_URL": running.databases["session-api"],
        "TWOTOP_BROKER_URL": running.backends["rabbitmq"].url,
    }
