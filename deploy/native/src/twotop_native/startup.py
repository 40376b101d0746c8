"""What must be done once before the services run: databases and roles, migrations, questions, the demo
restaurant.

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
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from twotop_native.paths import checkout_root
from twotop_native.processes import StartFailed
from twotop_native.run_file import Demo, write_private_json
from twotop_native.stack import SERVICES, Stack

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


def run_step(argv: Sequence[str], env: Mapping[str, str], log: Path, *, answer: Path | None = None) -> None:
    """Run an operator's command to its end; `answer` takes its standard output. Raises StartFailed naming it."""
    with log.open("ab") as output, answer.open("wb") if answer else nullcontext(output) as standard_output:
        try:
            done = subprocess.run(
                list(argv),
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=standard_output,
                stderr=output,
                timeout=_STEP_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as failure:
            raise StartFailed(f"{argv[0]} {argv[1]}: {failure}") from failure
    if done.returncode != 0:
        raise StartFailed(f"`{' '.join(argv[:4])}` failed with exit code {done.returncode}; see {log}")


def prepare_databases(stack: Stack) -> None:
    """Roles, databases, migrations, the questions that come with Twotop, demo data."""
    root = checkout_root()
    stamps = Stamps(stack.layout.data / "startup.json")
    log = stack.layout.log_of("startup")
    cluster = str((stack.backends.postgres.data / "PG_VERSION").stat().st_mtime_ns)
    common = root / "libs" / "common" / "src" / "twotop_common" / "service_defaults"

    def create() -> None:
        passwords = " ".join(f"{name}={password}" for name, password in stack.database_passwords().items())
        env = {"TWOTOP_ADMIN_DATABASE_URL": stack.backends.postgres.url, "TWOTOP_DATABASE_PASSWORDS": passwords}
        run_step([sys.executable, "-m", "twotop_common.service_defaults.databases"], env, log)

    def migrate(service: str) -> None:
        executable = str(Path(sys.executable).parent / service)
        run_step([executable, "migrate", "up"], stack.service_env(service), stack.layout.log_of(f"migrate-{service}"))

    def migrate_all() -> None:
        with ThreadPoolExecutor(len(SERVICES)) as pool:
            list(pool.map(migrate, SERVICES))

    stamps.once("databases", digest([common / "databases.py"], cluster, *stack.database_passwords().values()), create)
    folders = [root / "services" / service / "migrations" for service in SERVICES]
    stamps.once("migrations", digest([*folders, common / "migrations.py"], cluster), migrate_all)
    twotop = [str(Path(sys.executable).parent / "twotop")]
    questions = root / "services" / "session-api" / "src" / "session_api" / "play" / "questions"
    stamps.once(
        "questions",
        digest([questions], cluster),
        lambda: run_step([*twotop, "import-questions"], stack.service_env("session-api"), log),
    )
    if stack.options.demo:
        stamps.once("demo", digest([DEMO_FILE], cluster), lambda: _import_demo(stack, log))


def _demo_record(stack: Stack) -> Path:
    return stack.layout.data / "demo.json"


def _import_demo(stack: Stack, log: Path) -> None:
    twotop = str(Path(sys.executable).parent / "twotop")
    env = stack.service_env("session-api")
    run_step([twotop, "import", str(DEMO_FILE)], env, log)
    run_step([twotop, "demo-info", str(DEMO_FILE), "--json"], env, log, answer=_demo_record(stack))


def read_demo(stack: Stack) -> Demo | None:
    """The demo restaurant's tables as run.json shows them; None when it was not loaded."""
    if not stack.options.demo:
        return None
    return demo_with_links(json.loads(_demo_record(stack).read_text()), stack.public_origin)


def demo_with_links(described: dict[str, Any], origin: str) -> Demo:
    """What `twotop demo-info --json` says, with the address that a table's printed code holds."""
    links = [{**table, "guest_url": f"{origin}/t/{table['table_token']}"} for table in described["tables"]]
    return Demo.model_validate({**described, "tables": links})
