"""The background process that owns everything `up` starts.

Order of start: backends side by side, databases as soon as PostgreSQL answers, services, nginx; run.json is written
when all are ready. Order of stop: services, nginx, RabbitMQ, the rest. The supervisor holds a lock on the
state folder for as long as it lives, so there is never a second one.
"""

import fcntl
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TextIO

from twotop_native.gateway import publish_web
from twotop_native.keeper import Keeper
from twotop_native.paths import Layout, checkout_root
from twotop_native.processes import ProcessId, Program, StartFailed, stop
from twotop_native.run_file import RunFile, RunningBackend, RunningService, write_private_json
from twotop_native.stack import SERVICES, Stack, StartOptions, plan_stack
from twotop_native.startup import prepare_databases, read_demo

START_SECONDS = 120
_GIVE_UP_AFTER_STARTS = 6
_OWNER_POLL_S = 1.0


class Interrupted(Exception):
    """A stop was asked for while starting."""


class Supervisor:
    """Starts a stack, keeps it running, ends it."""

    def __init__(self, stack: Stack, progress: TextIO, owner: ProcessId | None = None) -> None:
        self._stack = stack
        self._owner = owner
        self._layout = stack.layout
        self._progress = progress
        self._keepers: dict[str, Keeper] = {}
        self._record = threading.Lock()
        self._stopping = threading.Event()
        self._run_file: RunFile | None = None

    def run(self) -> int:
        """Start everything, then wait for SIGTERM, SIGINT or the owner's end; returns the exit code."""
        signal.signal(signal.SIGTERM, self._ask_to_stop)
        signal.signal(signal.SIGINT, self._ask_to_stop)
        code = 0
        try:
            self._start()
            self._tell(ready=True)
            self._wait()
        except Interrupted:
            code = 1
        except Exception as failure:  # whatever it is, the caller is told and nothing is left running
            self._note(f"could not start: {failure!r}")
            self._tell(failed=str(failure))
            code = 1
        finally:
            self._end()
        return code

    def _wait(self) -> None:
        if self._owner is None:
            self._stopping.wait()
        else:
            while self._owner.alive and not self._stopping.wait(_OWNER_POLL_S):
                pass

    def _start(self) -> None:
        began = time.monotonic()
        backends = self._stack.backends
        self._tell(step="starting PostgreSQL, RabbitMQ, Redis")
        with ThreadPoolExecutor() as pool:
            rabbitmq = pool.submit(self._start_rabbitmq)
            redis = pool.submit(self._start_redis)
            web = pool.submit(publish_web, checkout_root() / "web" / "dist", self._stack.gateway.web_root)
            backends.postgres.prepare()
            self._keep(backends.postgres.program())
            self._await(["postgres"])
            self._tell(step="databases, migrations, demo restaurant")
            prepare_databases(self._stack)
            web.result()
            redis.result()
            for instance in self._stack.instances:
                self._keep(instance.program())
            self._stack.gateway.prepare()
            self._keep(self._stack.gateway.program())
            self._tell(step="starting services")
            rabbitmq.result()
        self._await(list(self._keepers))
        self._run_file = self._describe()
        self._run_file.write(self._layout.run_file)
        self._note(f"ready after {time.monotonic() - began:.1f} s")

    def _start_rabbitmq(self) -> None:
        server = self._stack.backends.rabbitmq
        server.prepare()
        self._keep(server.epmd_program())
        self._await(["epmd"])  # the server would start one of its own if it found none
        self._keep(server.program())

    def _start_redis(self) -> None:
        server = self._stack.backends.redis
        server.prepare()
        self._keep(server.program())

    def _keep(self, program: Program) -> None:
        if self._stopping.is_set():
            raise Interrupted
        keeper = Keeper(
            program,
            self._layout.log_of(program.name),
            self._layout.held / program.name,
            self._on_change,
            self._note,
        )
        self._keepers[program.name] = keeper
        keeper.start()

    def _await(self, names: Sequence[str]) -> None:
        waiting = list(names)
        deadline = time.monotonic() + START_SECONDS
        while waiting:
            if self._stopping.wait(0.05):
                raise Interrupted
            waiting = [name for name in waiting if not self._keepers[name].ready]
            for name in waiting:
                if self._keepers[name].starts >= _GIVE_UP_AFTER_STARTS:
                    raise StartFailed(f"{name} does not stay up; see {self._layout.log_of(name)}")
            if waiting and time.monotonic() > deadline:
                raise StartFailed(f"not ready after {START_SECONDS} s: {', '.join(waiting)}; see {self._layout.logs}")

    def _on_change(self, keeper: Keeper) -> None:
        with self._record:
            running = {name: kept.process for name, kept in self._keepers.items() if kept.process}
            write_private_json(
                self._layout.processes_file, {name: asdict(process) for name, process in running.items()}
            )
            if self._run_file is not None and keeper.process is not None:
                self._run_file = self._describe()
                self._run_file.write(self._layout.run_file)

    def _describe(self) -> RunFile:
        backends, gateway = self._stack.backends, self._stack.gateway
        return RunFile(
            gateway_url=gateway.url,
            services={
                service: [
                    RunningService(pid=self._pid(instance.name), url=instance.url)
                    for instance in self._stack.instances
                    if instance.service == service
                ]
                for service in SERVICES
            },
            backends={
                "postgres": RunningBackend(url=backends.postgres.url, pid=self._pid("postgres")),
                "rabbitmq": RunningBackend(
                    url=backends.rabbitmq.url,
                    pid=self._pid("rabbitmq"),
                    management_url=backends.rabbitmq.management_url,
                ),
                "redis": RunningBackend(url=backends.redis.url, pid=self._pid("redis")),
            },
            demo=read_demo(self._stack),
            gateway_pid=self._pid("nginx"),
            supervisor_pid=os.getpid(),
            databases={service: self._stack.database_url(service) for service in SERVICES},
        )

    def _pid(self, name: str) -> int | None:
        process = self._keepers[name].process
        return process.pid if process else None

    def _end(self) -> None:
        services = [instance.name for instance in self._stack.instances]
        for names in (services, ["nginx"], ["rabbitmq"], ["epmd", "redis", "postgres"]):
            running = [self._keepers[name] for name in names if name in self._keepers]
            with ThreadPoolExecutor(len(running) or 1) as pool:
                list(pool.map(Keeper.stop, running))
        self._layout.run_file.unlink(missing_ok=True)
        self._layout.processes_file.unlink(missing_ok=True)
        self._note("stopped")

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping.set()

    def _tell(self, **message: object) -> None:
        """Say how the start goes to the `up` that waits for it, if it still does."""
        try:
            self._progress.write(json.dumps(message) + "\n")
            self._progress.flush()
        except OSError:
            return

    def _note(self, message: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {message}", flush=True)


def lock(layout: Layout) -> TextIO | None:
    """The lock of a state folder, or None while a supervisor holds it. Keep the file open to keep the lock."""
    file = (layout.state / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def end_leftovers_of_a_killed_supervisor(layout: Layout) -> None:
    """End what a supervisor that was killed could not; only recorded processes are touched."""
    try:
        record = json.loads(layout.processes_file.read_text())
    except FileNotFoundError:
        return
    for name in reversed(list(record)):
        stop(ProcessId(**record[name]), signal.SIGINT if name == "postgres" else signal.SIGTERM)
    layout.processes_file.unlink(missing_ok=True)
    layout.run_file.unlink(missing_ok=True)


def main(state: str, options: str, progress_fd: str) -> int:
    """Entry of the background process."""
    layout = Layout.at(Path(state))
    layout.prepare()
    held = lock(layout)
    if held is None:
        return 3
    end_leftovers_of_a_killed_supervisor(layout)
    for leftover in layout.held.iterdir():
        leftover.unlink()
    write_private_json(layout.supervisor_file, asdict(ProcessId.of(os.getpid())))
    with os.fdopen(int(progress_fd), "w") as progress:
        try:
            chosen = StartOptions(**json.loads(options))
            stack = plan_stack(layout, chosen)
            owner = None if chosen.owner is None else ProcessId.of(chosen.owner)
        except Exception as failure:
            progress.write(json.dumps({"failed": str(failure)}) + "\n")
            return 1
        code = Supervisor(stack, progress, owner).run()
    layout.supervisor_file.unlink(missing_ok=True)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
