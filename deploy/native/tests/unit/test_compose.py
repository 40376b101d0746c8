import json
import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from cleanup_worker.settings import CleanupSettings
from pairing.settings import PairingSettings
from realtime_gateway.settings import GatewaySettings
from session_api.settings import SessionApiSettings
from twotop_common.service_defaults.settings import ServiceSettings
from twotop_native import cli
from twotop_native.compose import (
    EngineCannot,
    compose_environment,
    containers_running,
    engine_available,
    start_containers,
)
from twotop_native.launcher import remove_data
from twotop_native.paths import Layout, checkout_root
from twotop_native.processes import StartFailed
from twotop_native.run_file import RunFile
from twotop_native.stack import SERVICES, StartOptions

ROOT = checkout_root()
SETTINGS: list[type[ServiceSettings]] = [SessionApiSettings, PairingSettings, GatewaySettings, CleanupSettings]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def fake_docker(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_an_engine_without_compose_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_docker(tmp_path, monkeypatch, '[ "$1" = info ]')
    assert not engine_available()


def test_an_engine_that_cannot_get_its_images_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout
) -> None:
    fake_docker(tmp_path, monkeypatch, 'case "$*" in *build*) echo "no such host"; exit 1;; esac')
    assert engine_available()
    with pytest.raises(EngineCannot, match=r"compose\.log"):
        start_containers(layout, lambda step: None)
    assert "no such host" in layout.log_of("compose").read_text()


def test_make_up_starts_natively_when_the_images_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout
) -> None:
    fake_docker(tmp_path, monkeypatch, 'case "$*" in *build*) exit 1;; esac')
    native: list[StartOptions] = []

    def start_natively(layout: Layout, options: StartOptions, *, web: bool) -> RunFile:
        native.append(options)
        return RunFile(gateway_url="http://127.0.0.1:1", services={}, backends={})

    monkeypatch.setattr(cli, "_start_natively", start_natively)
    done = CliRunner().invoke(cli.app, ["start", "--state", str(layout.state)], env={"TWOTOP_START": "auto"})
    assert done.exit_code == 0, done.output
    assert "Starting natively instead" in done.output
    assert len(native) == 1
    forced = CliRunner().invoke(cli.app, ["start", "--state", str(layout.state)], env={"TWOTOP_START": "docker"})
    assert forced.exit_code == 1
    assert len(native) == 1


def test_an_unknown_way_to_start_is_refused(layout: Layout) -> None:
    done = CliRunner().invoke(cli.app, ["start", "--state", str(layout.state)], env={"TWOTOP_START": "podman"})
    assert done.exit_code == 1
    assert "auto, native or docker" in done.output


def test_only_the_gateway_is_published_and_only_on_this_machine() -> None:
    published = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    assert list(published) == ["gateway"]
    assert all(port.startswith("127.0.0.1:") for port in published["gateway"])


def test_each_service_has_a_database_and_a_role_of_its_own() -> None:
    for service in SERVICES:
        name = service.replace("-", "_")
        url = COMPOSE["services"][service]["environment"]["TWOTOP_DATABASE_URL"]
        assert url == f"postgresql://{name}:${{{name.upper()}_DB_PASSWORD}}@postgres:5432/{name}"


@pytest.mark.parametrize("settings", SETTINGS)
def test_each_service_is_told_what_it_needs_and_no_other_secret(settings: type[ServiceSettings]) -> None:
    everything = frozenset().union(*(each.needs for each in SETTINGS))
    environment = COMPOSE["services"][settings.service]["environment"]
    told = {name.removeprefix("TWOTOP_").lower() for name in environment}
    assert told & everything == settings.needs


@pytest.mark.parametrize("settings", SETTINGS)
def test_whatever_can_be_set_reaches_its_service(settings: type[ServiceSettings]) -> None:
    own = frozenset().union(*(each.needs for each in SETTINGS)) | {"instance"}
    environment = COMPOSE["services"][settings.service]["environment"]
    told = {name.removeprefix("TWOTOP_").lower() for name in environment}
    assert settings.model_fields.keys() - own <= told


def test_whatever_can_be_set_reaches_the_gateway() -> None:
    page = (ROOT / "deploy" / "README.md").read_text()
    offered = set(re.findall(r"^\| `(TWOTOP_GATEWAY_\w+)`", page, flags=re.MULTILINE))
    assert offered - {"TWOTOP_GATEWAY_PORT"} <= COMPOSE["services"]["gateway"]["environment"].keys()


def test_one_setting_switches_the_limits_of_services_and_gateway() -> None:
    inner = COMPOSE["services"]["pairing"]["environment"]["TWOTOP_RATE_LIMITS_ENABLED"]
    outer = COMPOSE["services"]["gateway"]["environment"]["TWOTOP_GATEWAY_LIMITS"]
    assert outer == f"${{TWOTOP_GATEWAY_LIMITS:-{inner}}}"


def test_a_server_behind_a_shell_of_ours_does_not_run_as_root() -> None:
    for name in ("postgres", "rabbitmq", "redis"):
        service = COMPOSE["services"][name]
        assert service.get("command", [name])[0] == name or service["user"] == name


def test_every_image_is_pinned_and_every_container_of_ours_is_unprivileged() -> None:
    files = [*ROOT.glob("services/*/Dockerfile"), *ROOT.glob("deploy/*/Dockerfile")]
    assert len(files) == 6
    for file in files:
        text = file.read_text()
        assert all(re.search(r":\d+\.\d+\.\d+-", line) for line in text.splitlines() if line.startswith("FROM "))
        assert re.search(r"^USER (10001:10001|nginx)$", text, flags=re.MULTILINE)
    for name in ("postgres", "rabbitmq", "redis"):
        assert re.search(r":\d+\.\d+", COMPOSE["services"][name]["image"])


def test_containers_count_as_running_only_while_they_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout
) -> None:
    assert containers_running(layout) is None
    compose_environment(layout, 9123)
    layout.secrets_file.touch()
    RunFile(gateway_url="http://127.0.0.1:9123", services={}, backends={}).write(layout.run_file)
    fake_docker(tmp_path, monkeypatch, "exit 0")
    assert containers_running(layout) is None
    fake_docker(tmp_path, monkeypatch, "echo 0123abcd")
    running = containers_running(layout)
    assert running is not None
    assert running.gateway_url == "http://127.0.0.1:9123"


def test_logs_of_containers_are_asked_of_the_engine_even_when_they_are_unwell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout
) -> None:
    calls = tmp_path / "calls"
    fake_docker(tmp_path, monkeypatch, f'echo "$*" >> {calls}; case "$*" in *" up "*) exit 1;; esac')
    with pytest.raises(StartFailed):
        start_containers(layout, lambda step: None)
    calls.write_text("")
    done = CliRunner().invoke(cli.app, ["logs", "--lines", "7", "--state", str(layout.state)])
    assert done.exit_code == 0, done.output
    assert calls.read_text().endswith("logs --tail 7 --follow\n")


def test_an_operators_command_runs_in_a_container_that_sees_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout
) -> None:
    calls = tmp_path / "calls"
    fake_docker(tmp_path, monkeypatch, f'echo "$*" >> {calls}; exit 3')
    compose_environment(layout, 9123)
    monkeypatch.chdir(tmp_path)
    arguments = ["import", "--json", "venue.yaml"]
    done = CliRunner().invoke(cli.app, ["operate", *arguments, "--state", str(layout.state)])
    assert done.exit_code == 3
    assert calls.read_text().endswith(" bootstrap twotop import --json venue.yaml\n")
    assert f"--volume {tmp_path}:/work:ro --workdir /work" in calls.read_text()


@pytest.mark.parametrize("demo", [True, False])
def test_the_demo_restaurant_can_be_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout, demo: bool
) -> None:
    described = {"location_id": "l", "closed_table_token": "c", "disabled_table_token": "d", "tables": []}
    up = f'*" up "*) echo $TWOTOP_DEMO > {tmp_path}/told;;'
    script = f"""case "$*" in {up} *demo-info*) echo '{json.dumps(described)}';; esac"""
    fake_docker(tmp_path, monkeypatch, script)
    running = start_containers(layout, lambda step: None, demo=demo)
    assert (running.demo is not None) == demo
    assert (tmp_path / "told").read_text() == f"{str(demo).lower()}\n"


def test_a_checkout_made_anew_in_the_same_place_gets_volumes_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout
) -> None:
    calls = tmp_path / "calls"
    fake_docker(tmp_path, monkeypatch, f'echo "$*" >> {calls}; case "$*" in *up*) exit 1;; esac')

    def project() -> str:
        calls.write_text("")
        with pytest.raises(StartFailed):
            start_containers(layout, lambda step: None)
        names = set(re.findall(r"--project-name (\S+)", calls.read_text()))
        assert len(names) == 1
        return names.pop()

    first = project()
    assert project() == first
    remove_data(layout)
    assert project() != first


def test_the_port_is_remembered_for_the_next_command(layout: Layout) -> None:
    environment = compose_environment(layout, 9123)
    assert environment["TWOTOP_PUBLIC_ORIGIN"].endswith(":9123")
    assert json.loads((layout.state / "compose.json").read_text()) == {"port": 9123}
