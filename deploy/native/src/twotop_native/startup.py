"""What must be done once before the services run: databases and roles, migrations, the demo restaurant.

Each step is an operator's own command. On a warm start a step whose inputs have not changed since it last succeeded on
the same database cluster is left out: four interpreters that find nothing to do cost seconds.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from twotop_native.paths import checkout_root
from twotop_native.processes import StartFailed
from twotop_native.run_file import Demo, write_private_json
from twotop_native.stack import SERVICES, Stack, database_of

DEMO_FILE = checkout_root() / "deploy" / "demo" / "restaurant.yaml"
_STEP_SECONDS = 120


class Stamps:
    """Which inputs each step last succeeded with; kept beside the database cluster, so it goes when that goes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._known: dict[str, str] = json.loads(file.read_text())
        except (FileNotFoundError, ValueError):
            self._known = {}

    def once(self, step: str, inputs: str, run: Callable[[], None]) -> None:
        """Run a step unless it already succeeded with the same inputs."""
        if self._known.get(step) == inputs:
            return
        run()
        self._known[step] = inputs
        write_private_json(self._file, self._known)


def digest(paths: Iterable[Path], *extra: str) -> str:
    """A fingerprint of files (folders are walked) and words."""
    total = hashlib.sha256()
    for path in sorted(_files(paths)):
        total.update(str(path).encode())
        total.update(path.read_bytes())
    for word in extra:
        total.update(word.encode())
    return total.hexdigest()


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            yield from (p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        elif path.exists():
            yield path


def run_step(argv: Sequence[str], env: Mapping[str, str], log: Path) -> None:
    """Run an operator's command to its end. Raises StartFailed naming it."""
    with log.open("ab") as output:
        try:
            done = subprocess.run(
                list(argv),
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=_STEP_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as failure:
            raise StartFailed(f"{argv[0]} {argv[1]}: {failure}") from failure
    if done.returncode != 0:
        raise StartFailed(f"`{' '.join(argv[:4])}` failed with exit code {done.returncode}; see {log}")


def prepare_databases(stack: Stack) -> None:
    """Roles, databases, migrations, demo data."""
    root = checkout_root()
    stamps = Stamps(stack.layout.data / "startup.json")
    log = stack.layout.log_of("startup")
    cluster = (stack.backends.postgres.data / "PG_VERSION").stat().st_mtime_ns
    common = root / "libs" / "common" / "src" / "twotop_common" / "service_defaults"
    passwords = {
        f"TWOTOP_{database_of(s).upper()}_DB_PASSWORD": stack.secrets[f"{database_of(s).upper()}_DB_PASSWORD"]
        for s in SERVICES
    }

    def create() -> None:
        argv = [sys.executable, "-m", "twotop_common.service_defaults.databases"]
        run_step([*argv, "--admin-url", stack.backends.postgres.url], passwords, log)

    stamps.once("databases", digest([common / "databases.py"], str(cluster), *passwords.values()), create)

    def migrate_all() -> None:
        with ThreadPoolExecutor(len(SERVICES)) as pool:
            steps = [pool.submit(migrate, service) for service in SERVICES]
            for step in steps:
                step.result()

    def migrate(service: str) -> None:
        executable = Path(sys.executable).parent / service
        run_step(
            [str(executable), "migrate", "up"], stack.service_env(service), stack.layout.log_of(f"migrate-{service}")
        )

    folders = [root / "services" / service / "migrations" for service in SERVICES]
    stamps.once("migrations", digest([*folders, common / "migrations.py"], str(cluster)), migrate_all)
    if stack.options.demo and DEMO_FILE.exists():
        stamps.once("demo", digest([DEMO_FILE], str(cluster)), lambda: _import_demo(stack, log))


def _import_demo(stack: Stack, log: Path) -> None:
    twotop = Path(sys.executable).parent / "twotop"
    run_step([str(twotop), "import", str(DEMO_FILE)], stack.service_env("session-api"), log)


def read_demo(origin: str) -> Demo | None:
    """The demo restaurant's tables as run.json shows them."""
    return None
