"""The command line: what it offers, and what it says when its settings cannot be used."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from cleanup_worker.main import main


def test_it_serves_and_migrates() -> None:
    shown = CliRunner().invoke(main, ["--help"])
    assert shown.exit_code == 0
    assert {"serve", "migrate"} <= set(shown.output.split())


def test_it_does_not_start_in_production_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOTOP_ENVIRONMENT", "production")
    refused = CliRunner().invoke(main, ["serve"])
    assert refused.exit_code == 2
    assert "TWOTOP_DATABASE_URL" in refused.output
