"""Starting with Docker Compose: the same system in containers, described in docker-compose.yml."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from twotop_native.paths import Layout, checkout_root
from twotop_native.ports import LOOPBACK, PortAllocator
from twotop_native.processes import StartFailed
from twotop_native.run_file import RunFile, RunningBackend, RunningService
from twotop_native.settings_file import PROJECT_NAME, load_or_create
from twotop_native.stack import GATEWAY_PORT, SERVICES
from twotop_native.startup import demo_with_links

_PROBE_SECONDS = 15
_SERVICE_PORT = 8000


class EngineCannot(RuntimeError):
    """The engine is there, but cannot get or build the images."""


def engine_available() -> bool:
    """Whether a Docker engine answers and has Compose v2."""
    if shutil.which("docker") is None:
        return False
    return all(_succeeds(command) for command in (["docker", "info"], ["docker", "compose", "version"]))


def start_containers(layout: Layout, say: Callable[[str], None], *, demo: bool = True) -> RunFile:
    """Build, start, wait until healthy, write run.json. Raises EngineCannot or StartFailed."""
    layout.prepare()
    secrets = _secrets_of(layout)
    environment = compose_environment(layout, PortAllocator().take(_published_port(layout) or GATEWAY_PORT))
    environment["TWOTOP_DEMO"] = str(demo).lower()
    log = layout.log_of("compose")
    say("building images")
    # The classic builder: the Dockerfiles need nothing of the newer one, and it works with every engine. One service is
    # built before the others: they share its first stage, which would otherwise be made by each of them at once.
    building = {**environment, "DOCKER_BUILDKIT": os.environ.get("DOCKER_BUILDKIT", "0")}
    if not all(_compose(layout, ["build", *first], building, log) for first in ([SERVICES[0]], [])):
        raise EngineCannot(f"the engine cannot get or build the images; see {log}")
    say("starting containers")
    if not _compose(layout, ["up", "--detach", "--wait", "--remove-orphans"], environment, log):
        _compose(layout, ["logs", "--no-color", "--tail", "50"], environment, log)
        raise StartFailed(f"the containers did not become healthy; see {log}")
    running = _describe(layout, secrets, environment, demo=demo)
    running.write(layout.run_file)
    return running


def stop_containers(layout: Layout, *, remove_data: bool) -> bool:
    """Stop and remove the containers; False when there are none. With `remove_data` stopped ones lose their volumes."""
    were_started = containers_started(layout)
    if not (were_started or remove_data) or not layout.secrets_file.exists() or not engine_available():
        return False
    environment = compose_environment(layout, _published_port(layout) or GATEWAY_PORT)
    command = ["down", "--remove-orphans", *(["--volumes"] if remove_data else [])]
    if not _compose(layout, command, environment, layout.log_of("compose")):
        raise StartFailed(f"the containers could not be stopped; see {layout.log_of('compose')}")
    (layout.state / "compose.json").unlink()
    layout.run_file.unlink(missing_ok=True)
    return were_started


def containers_started(layout: Layout) -> bool:
    """Whether containers were started and not stopped since. How they are is another question."""
    return _published_port(layout) is not None


def show_container_logs(layout: Layout, *, lines: int, forever: bool) -> int:
    """The last lines of each container, then (`forever`) whatever is added. Returns Docker's exit code."""
    return _compose_shown(layout, ["logs", "--tail", str(lines), *(["--follow"] if forever else [])])


def operate_in_container(layout: Layout, arguments: Sequence[str]) -> int:
    """Run `twotop` beside the services; it reads files from the working folder. Returns its exit code."""
    folder = ["--volume", f"{Path.cwd()}:/work:ro", "--workdir", "/work"]
    width = ["--env", f"COLUMNS={shutil.get_terminal_size().columns}"]
    return _compose_shown(layout, _twotop(arguments, *folder, *width))


def containers_running(layout: Layout) -> RunFile | None:
    """What runs in containers already. The file alone proves nothing: the machine may have been restarted since."""
    port = _published_port(layout)
    if port is None or not layout.secrets_file.exists():
        return None
    try:
        gateway = _compose_output(
            layout, ["ps", "--status", "running", "--quiet", "gateway"], compose_environment(layout, port)
        )
    except (StartFailed, OSError):
        return None
    return RunFile.read(layout.run_file) if gateway.strip() else None


def compose_environment(layout: Layout, port: int) -> dict[str, str]:
    """What docker-compose.yml takes from outside, beside the secrets."""
    (layout.state / "compose.json").write_text(json.dumps({"port": port}))
    defaults = {"TWOTOP_PUBLIC_ORIGIN": f"http://{LOOPBACK}:{port}", "TWOTOP_ENVIRONMENT": "development"}
    chosen = {name: value for name, value in os.environ.items() if name.startswith("TWOTOP_")}
    return {**defaults, **chosen, "TWOTOP_GATEWAY_PORT": str(port)}


def _published_port(layout: Layout) -> int | None:
    try:
        return int(json.loads((layout.state / "compose.json").read_text())["port"])
    except (FileNotFoundError, ValueError, KeyError):
        return None


def _describe(layout: Layout, secrets: Mapping[str, str], environment: Mapping[str, str], *, demo: bool) -> RunFile:
    asking = _twotop(["demo-info", "/app/demo.yaml", "--json"])
    described = json.loads(_compose_output(layout, asking, environment)) if demo else None
    return RunFile(
        gateway_url=f"http://{LOOPBACK}:{environment['TWOTOP_GATEWAY_PORT']}",
        services={s: [RunningService(pid=None, url=f"http://{s}:{_SERVICE_PORT}")] for s in SERVICES},
        backends={
            "postgres": RunningBackend(
                url=f"postgresql://postgres:{secrets['POSTGRES_PASSWORD']}@postgres:5432/postgres", pid=None
            ),
            "rabbitmq": RunningBackend(url=f"amqp://twotop:{secrets['RABBITMQ_PASSWORD']}@rabbitmq:5672/", pid=None),
            "redis": RunningBackend(url=f"redis://:{secrets['REDIS_PASSWORD']}@redis:6379/0", pid=None),
        },
        demo=demo_with_links(described, environment["TWOTOP_PUBLIC_ORIGIN"]) if described else None,
    )


def _twotop(arguments: Sequence[str], *options: str) -> list[str]:
    # Not in session-api's own container: an operator needs the command just when that is unwell.
    return ["run", "--rm", "--no-deps", "-T", *options, "bootstrap", "twotop", *arguments]


def _secrets_of(layout: Layout) -> dict[str, str]:
    return load_or_create(layout.secrets_file, layout.data / "secrets.env")


def _command(layout: Layout, arguments: Sequence[str]) -> list[str]:
    file = checkout_root() / "docker-compose.yml"
    project = _secrets_of(layout)[PROJECT_NAME]
    files = ["--file", str(file), "--env-file", str(layout.secrets_file)]
    return ["docker", "compose", "--project-name", project, *files, *arguments]


def _compose(layout: Layout, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> bool:
    with log.open("ab") as output:
        done = subprocess.run(
            _command(layout, arguments),
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    return done.returncode == 0


def _compose_shown(layout: Layout, arguments: Sequence[str]) -> int:
    environment = compose_environment(layout, _published_port(layout) or GATEWAY_PORT)
    command = _command(layout, arguments)
    return subprocess.run(command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, check=False).returncode


def _compose_output(layout: Layout, arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        _command(layout, arguments),
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StartFailed(f"`docker compose {arguments[0]}` failed: {done.stderr[-500:]}")
    return done.stdout


def _succeeds(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(list(command), capture_output=True, check=False, timeout=_PROBE_SECONDS).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
