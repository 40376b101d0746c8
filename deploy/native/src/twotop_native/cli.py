"""`python -m twotop_native`: the whole of Twotop on one machine, or only its backends."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from twotop_native import backends as backend_processes
from twotop_native.announce import announcement
from twotop_native.compose import (
    EngineCannot,
    containers_running,
    containers_started,
    engine_available,
    operate_in_container,
    show_container_logs,
    start_containers,
    stop_containers,
)
from twotop_native.guard import watch_over
from twotop_native.installation import (
    CannotInstall,
    install_browser,
    install_missing,
    install_prometheus,
    refuse_when_hopeless,
)
from twotop_native.launcher import already_up, remove_data, running_supervisor, start, stop_all
from twotop_native.logs import follow
from twotop_native.operate import operate_natively
from twotop_native.paths import Layout, checkout_root
from twotop_native.processes import ProcessId, StartFailed, signal_group, wait_gone
from twotop_native.run_file import RunFile, scrape_targets
from twotop_native.servers import ServerMissing
from twotop_native.stack import GATEWAY_PORT, StartOptions
from twotop_native.web_build import WebBuildFailed, build_web, install_web_dependencies

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
backends = typer.Typer(no_args_is_help=True, help="Private PostgreSQL, RabbitMQ and Redis alone, for tests.")
app.add_typer(backends, name="backends")

State = Annotated[Path, typer.Option("--state", help="Folder for logs, secrets and run.json.", show_default=False)]
Owner = Annotated[int | None, typer.Option(help="Pid of a process without which all of it ends by itself.")]
RemoveData = Annotated[bool, typer.Option("--remove-data", help="Also delete databases, queues, secrets and logs.")]
Demo = Annotated[bool, typer.Option(envvar="TWOTOP_DEMO", help="Load the demo restaurant.")]
DEFAULT_STATE = Path(os.environ.get("TWOTOP_STATE", checkout_root() / ".twotop"))


def fail(reason: object) -> typer.Exit:
    print(f"twotop: {reason}", file=sys.stderr)
    return typer.Exit(1)


@app.command()
def up(
    *,
    state: State = DEFAULT_STATE,
    gateways: Annotated[int, typer.Option(min=1, help="Instances of realtime-gateway.")] = 1,
    session_apis: Annotated[int, typer.Option("--session-apis", min=1, help="Instances of session-api.")] = 1,
    port: Annotated[int, typer.Option(help="Port of nginx; another is taken when it is not free.")] = GATEWAY_PORT,
    throwaway: Annotated[bool, typer.Option(help="A crash may lose data; for tests.")] = False,
    demo: Demo = True,
    web: Annotated[bool, typer.Option(help="Build the web app if it changed.")] = True,
    setting: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE for every service.")] = None,
    owner: Owner = None,
) -> None:
    """Start everything and print the guest URLs; does nothing but print them when it already runs."""
    layout = Layout.at(state)
    if running := already_up(layout):
        print("Twotop is already running.\n")
        print(announcement(running))
        return
    options = StartOptions(
        throwaway=throwaway,
        gateways=gateways,
        session_apis=session_apis,
        port=port,
        demo=demo,
        settings=dict(item.split("=", 1) for item in setting or []),
        owner=owner,
    )
    print(announcement(_start_natively(layout, options, web=web)))


@app.command("start")
def start_best(
    state: State = DEFAULT_STATE,
    how: Annotated[
        str, typer.Option(envvar="TWOTOP_START", help="auto (Docker Compose where there is an engine), native, docker.")
    ] = "auto",
    demo: Demo = True,
) -> None:
    """What `make up` does: start with Docker Compose or natively, and print the guest URLs."""
    if how not in {"auto", "native", "docker"}:
        raise fail(f"TWOTOP_START is {how!r}; it can be auto, native or docker")
    layout = Layout.at(state)
    if running := already_up(layout) or containers_running(layout):
        print("Twotop is already running.\n")
        print(announcement(running))
        return
    if how == "docker" or (how == "auto" and engine_available()):
        try:
            print(announcement(start_containers(layout, _stopwatch(), demo=demo)))
        except EngineCannot as reason:
            if how == "docker":
                raise fail(reason) from None
            print(f"There is a Docker engine, but {reason}\nStarting natively instead.", flush=True)
            (layout.state / "compose.json").unlink(missing_ok=True)
        except StartFailed as reason:
            raise fail(reason) from None
        else:
            return
    print(announcement(_start_natively(layout, StartOptions(demo=demo), web=True)))


@app.command("finish")
def finish(state: State = DEFAULT_STATE, remove: RemoveData = False) -> None:
    """What `make down` does: stop whatever `start` started."""
    layout = Layout.at(state)
    try:
        stopped = [stop_all(layout), stop_containers(layout, remove_data=remove)]
    except StartFailed as reason:
        raise fail(reason) from None
    if remove:
        remove_data(layout)
    print("stopped" if any(stopped) else "nothing is running")


def _start_natively(layout: Layout, options: StartOptions, *, web: bool) -> RunFile:
    say = _stopwatch()
    layout.prepare()
    try:
        refuse_when_hopeless()
        with ThreadPoolExecutor() as pool:
            servers = pool.submit(install_missing, say)
            built = pool.submit(build_web, layout.log_of("web-build")) if web else None
            servers.result()
            if built and built.result():
                say("web app built")
        running = start(layout, options, say)
    except (StartFailed, ServerMissing, CannotInstall, WebBuildFailed) as reason:
        raise fail(reason) from None
    say("ready\n")
    return running


def _stopwatch() -> Callable[[str], None]:
    began = time.monotonic()

    def say(step: str) -> None:
        print(f"[{time.monotonic() - began:5.1f} s] {step}", flush=True)

    return say


@app.command("build-web")
def build_web_app(
    only_dependencies: Annotated[bool, typer.Option(help="Install what the build needs, and no more.")] = False,
) -> None:
    """Build the web app if its sources changed since the last build."""
    layout = Layout.at(DEFAULT_STATE)
    layout.prepare()
    try:
        if only_dependencies:
            install_web_dependencies(layout.log_of("web-build"))
        else:
            print("web app built" if build_web(layout.log_of("web-build")) else "web app is up to date")
    except WebBuildFailed as reason:
        raise fail(reason) from None


@app.command("ensure-browser")
def ensure_browser() -> None:
    """Install Chromium for the browser tests if there is none."""
    try:
        install_browser(lambda step: print(step, flush=True))
    except CannotInstall as reason:
        raise fail(reason) from None


@app.command("ensure-prometheus")
def ensure_prometheus() -> None:
    """Install Prometheus for the tests of dashboards and alerts if there is none."""
    try:
        install_prometheus(lambda step: print(step, flush=True))
    except CannotInstall as reason:
        raise fail(reason) from None


@app.command()
def down(
    state: State = DEFAULT_STATE,
    remove: RemoveData = False,
) -> None:
    """Stop everything that `up` started, in order, and wait for it."""
    layout = Layout.at(state)
    try:
        print("stopped" if stop_all(layout) else "nothing is running")
    except StartFailed as reason:
        raise fail(reason) from None
    if remove:
        remove_data(layout)


@app.command()
def status(state: State = DEFAULT_STATE) -> None:
    """Print what runs, as run.json says it; exit code 1 when nothing does."""
    layout = Layout.at(state)
    if running_supervisor(layout) is None or not layout.run_file.exists():
        raise fail("nothing is running")
    print(layout.run_file.read_text())


@app.command("scrape-targets")
def print_scrape_targets(state: State = DEFAULT_STATE) -> None:
    """Print where Prometheus finds the metrics of what runs; exit code 1 when nothing does."""
    layout = Layout.at(state)
    running = RunFile.read(layout.run_file)
    if running is None or running_supervisor(layout) is None:
        raise fail("nothing is running")
    print(json.dumps(scrape_targets(running), indent=2))


@app.command()
def logs(
    state: State = DEFAULT_STATE,
    lines: Annotated[int, typer.Option(help="Lines of each part to begin with.")] = 10,
    forever: Annotated[bool, typer.Option("--follow/--no-follow", help="Go on with new lines.")] = True,
) -> None:
    """Show what all parts say, each line with its part's name."""
    layout = Layout.at(state)
    try:
        if running_supervisor(layout) is None and containers_started(layout):
            raise typer.Exit(show_container_logs(layout, lines=lines, forever=forever))
        for line in follow(layout.logs, lines=lines, forever=forever, colour=sys.stdout.isatty()):
            print(line, flush=True)
    except KeyboardInterrupt:
        return


@app.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
def operate(
    arguments: Annotated[list[str] | None, typer.Argument(help="What to tell `twotop`; --help lists it.")] = None,
    state: State = DEFAULT_STATE,
) -> None:
    """Run `twotop`, the operator's command, against what runs."""
    layout = Layout.at(state)
    supervisor, running = running_supervisor(layout), RunFile.read(layout.run_file)
    if supervisor is not None and running is not None:
        raise typer.Exit(operate_natively(supervisor, running, arguments or []))
    if not containers_started(layout):
        raise fail("nothing is running")
    raise typer.Exit(operate_in_container(layout, arguments or []))


@app.command()
def hold(
    program: str,
    state: State = DEFAULT_STATE,
    kill: Annotated[bool, typer.Option(help="With SIGKILL instead of an orderly stop.")] = False,
) -> None:
    """Stop one part (a service instance, postgres, rabbitmq, redis, nginx) and leave it stopped until `release`."""
    layout = Layout.at(state)
    record = json.loads(layout.processes_file.read_text())
    if program not in record:
        raise fail(f"{program} does not run; these do: {', '.join(record)}")
    (layout.held / program).touch()
    process = ProcessId(**record[program])
    orderly = signal.SIGINT if program == "postgres" else signal.SIGTERM
    signal_group(process, signal.SIGKILL if kill else orderly)
    if not wait_gone([process], 30):
        raise fail(f"{program} did not stop")


@app.command()
def release(program: str, state: State = DEFAULT_STATE) -> None:
    """Let the supervisor start a held part again."""
    (Layout.at(state).held / program).unlink(missing_ok=True)


@backends.command("up")
def backends_up(
    state: Annotated[Path, typer.Option("--state", help="Folder for their record and logs.")],
    throwaway: Annotated[
        bool, typer.Option("--throwaway/--durable", help="Throwaway data may be lost in a crash; down removes it.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the addresses as JSON.")] = False,
    owner: Owner = None,
) -> None:
    """Start backends that stay until `backends down`; answers at once when they already run."""
    try:
        install_missing(lambda step: print(step, file=sys.stderr))
        record = backend_processes.up(Layout.at(state), throwaway=throwaway)
        if owner is not None:
            watch_over(Layout.at(state), owner)
    except (StartFailed, ServerMissing, CannotInstall) as reason:
        raise fail(reason) from None
    if as_json:
        print(json.dumps(record))
        return
    for name in ("postgres", "rabbitmq", "redis"):
        print(f"{name}: {record[name]['url']}")


@backends.command("down")
def backends_down(state: Annotated[Path, typer.Option("--state", help="The folder given to up.")]) -> None:
    """End exactly the backends that `backends up` started there."""
    if not backend_processes.down(Layout.at(state)):
        print("nothing runs there")
