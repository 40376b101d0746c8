"""`operate` runs the operator's command with the settings of what runs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

from twotop_native import cli
from twotop_native.paths import Layout
from twotop_native.processes import ProcessId
from twotop_native.run_file import RunFile, RunningBackend


@pytest.fixture
def started(layout: Layout) -> Iterator[RunFile]:
    """A system, or what `operate` sees of it: a supervisor that lives, and run.json."""
    chosen = {**os.environ, "TWOTOP_DUAL_PAIRING_CODE_ENABLED": "false"}
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=chosen) as supervisor:
        layout.supervisor_file.write_text(json.dumps(asdict(ProcessId.of(supervisor.pid))))
        running = RunFile(
            gateway_url="http://127.0.0.1:1",
            services={},
            backends={"rabbitmq": RunningBackend(url="amqp://here/", pid=1)},
            databases={"session-api": "postgresql://here/session_api"},
        )
        running.write(layout.run_file)
        yield running
        supervisor.kill()


def fake_twotop(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `twotop` that writes down what it is told, and fails as it was asked to."""
    program, told = folder / "twotop", folder / "told"
    program.write_text(f'#!/bin/sh\necho "$*" > {told}; env >> {told}; exit 3\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    return told


def test_the_command_finds_what_runs_and_its_answer_is_passed_on(
    layout: Layout, started: RunFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = fake_twotop(tmp_path, monkeypatch)
    monkeypatch.setenv("TWOTOP_DATABASE_URL", "postgresql://elsewhere/")
    monkeypatch.setenv("TWOTOP_DUAL_PAIRING_CODE_ENABLED", "true")
    done = CliRunner().invoke(cli.app, ["operate", "flags", "list", "--json", "--state", str(layout.state)])
    assert done.exit_code == 3, done.output
    arguments, *environment = told.read_text().splitlines()
    assert arguments == "flags list --json"
    assert f"TWOTOP_DATABASE_URL={started.databases['session-api']}" in environment
    assert f"TWOTOP_BROKER_URL={started.backends['rabbitmq'].url}" in environment
    # As it was when the system started, whatever this shell says.
    assert "TWOTOP_DUAL_PAIRING_CODE_ENABLED=false" in environment


def test_help_is_that_of_the_operators_command(
    layout: Layout, started: RunFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = fake_twotop(tmp_path, monkeypatch)
    CliRunner().invoke(cli.app, ["operate", "--state", str(layout.state), "statistics", "--help"])
    assert told.read_text().splitlines()[0] == "statistics --help"


def test_nothing_to_operate_is_said(layout: Layout) -> None:
    done = CliRunner().invoke(cli.app, ["operate", "flags", "list", "--state", str(layout.state)])
    assert done.exit_code == 1
    assert "nothing is running" in done.output
