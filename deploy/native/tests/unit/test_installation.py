from collections.abc import Sequence
from pathlib import Path

import pytest

from twotop_native import installation
from twotop_native.installation import (
    CannotInstall,
    install_browser,
    install_missing,
    install_prometheus,
    instructions,
)


def test_a_person_is_told_exactly_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "missing_servers", lambda: ["postgres", "nginx"])
    monkeypatch.setattr(installation, "privileged_prefix", lambda: None)
    with pytest.raises(CannotInstall, match="apt-get install postgresql nginx"):
        install_missing(print)


def test_nothing_is_installed_when_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "missing_servers", list)
    install_missing(pytest.fail)


def test_the_instructions_name_servers_and_packages() -> None:
    text = instructions(["rabbitmq", "redis"])
    assert "RabbitMQ, Redis" in text
    assert "rabbitmq-server redis-server" in text


def test_a_browser_that_cannot_be_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation.shutil, "which", lambda name: None)
    monkeypatch.setattr(installation, "privileged_prefix", lambda: None)
    with pytest.raises(CannotInstall, match="chromium"):
        install_browser(lambda step: None)


def test_a_prometheus_that_cannot_be_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation.shutil, "which", lambda name: None)
    monkeypatch.setattr(installation, "privileged_prefix", lambda: None)
    with pytest.raises(CannotInstall, match="apt-get install prometheus"):
        install_prometheus(lambda step: None)


def test_prometheus_is_installed_without_starting_its_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    policy, kept = tmp_path / "policy-rc.d", []

    def install(prefix: Sequence[str], packages: Sequence[str]) -> bool:
        kept.append((list(packages), policy.read_text()))
        return True

    monkeypatch.setattr(installation, "POLICY", policy)
    monkeypatch.setattr(installation.shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None)
    monkeypatch.setattr(installation, "privileged_prefix", list)
    monkeypatch.setattr(installation, "_apt_install", install)
    install_prometheus(lambda step: None)
    assert kept == [(["prometheus"], "#!/bin/sh\nexit 101\n")]
    assert not policy.exists()
