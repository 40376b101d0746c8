"""What a person's `up` and `down` do: start the supervisor and follow its progress, or ask it to stop."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict

from twotop_native.paths import Layout
from twotop_native.processes import ProcessId, StartFailed, wait_gone
from twotop_native.run_file import RunFile
from twotop_native.stack import StartOptions
from twotop_native.supervisor import end_leftovers_of_a_killed_supervisor

STOP_SECONDS = 90


def running_supervisor(layout: Layout) -> ProcessId | None:
    """The supervisor of a state folder, if one lives."""
    try:
        process = ProcessId(**json.loads(layout.supervisor_file.read_text()))
    except (FileNotFoundError, ValueError):
        return None
    return process if process.alive else None


def already_up(layout: Layout) -> RunFile | None:
    """What runs already; None when nothing does. A start in progress is waited for."""
    while running_supervisor(layout):
        if running := RunFile.read(layout.run_file):
            return running
        time.sleep(0.1)
    return None


def start(layout: Layout, options: StartOptions, say: Callable[[str], None]) -> RunFile:
    """Start the supervisor in the background and wait until everything is ready. Raises StartFailed."""
    layout.prepare()
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "twotop_native.supervisor", str(layout.state), json.dumps(asdict(options))]
    with layout.log_of("supervisor").open("ab") as log:
        subprocess.Popen(
            [*command, str(writing)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(writing,),
            start_new_session=True,
            cwd="/",
        )
    os.close(writing)
    with os.fdopen(reading) as progress:
        for line in progress:
            message = json.loads(line)
            if step := message.get("step"):
                say(step)
            if failure := message.get("failed"):
                raise StartFailed(failure)
            if message.get("ready"):
                break
    running = RunFile.read(layout.run_file)
    if running is None:
        raise StartFailed(f"the supervisor ended early; see {layout.log_of('supervisor')}")
    return running


def stop_all(layout: Layout) -> bool:
    """Stop what runs in a state folder and wait for the end; False when nothing ran."""
    supervisor = running_supervisor(layout)
    if supervisor is None:
        left = layout.processes_file.exists()
        end_leftovers_of_a_killed_supervisor(layout)
        return left
    if handle := supervisor.handle():
        handle.send_signal(signal.SIGTERM)
    if not wait_gone([supervisor], STOP_SECONDS):
        raise StartFailed(f"the supervisor {supervisor.pid} did not stop within {STOP_SECONDS} s")
    return True


def remove_data(layout: Layout) -> None:
    """Forget everything of a stopped state folder: databases, queues, secrets, logs."""
    shutil.rmtree(layout.data, ignore_errors=True)
    shutil.rmtree(layout.state, ignore_errors=True)
