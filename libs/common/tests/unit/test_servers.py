"""Where the tests' servers come from."""

from __future__ import annotations

import contextlib
import importlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from twotop_common.testing import servers as module
from twotop_common.testing.servers import BROKER_IMAGE, POSTGRES_IMAGE, REDIS_IMAGE, VARIABLES, Servers, servers

SERVERS = Servers("postgresql://p/", "amqp://b/", "http://m", "redis://r/")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (*VARIABLES.values(), "TWOTOP_TEST_BACKENDS"):
        monkeypatch.delenv(variable, raising=False)


class Commands:
    """Stands in for ``subprocess.run``: answers by the second word and remembers what was asked."""

    def __init__(self, **answers: tuple[int, str]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, command: list[str], **_: Any) -> Any:
        name = "image" if "image" in command else next(word for word in command if word in ("up", "down"))
        self.asked.append(name)
        code, output = self.answers.get(name, (0, ""))
        return SimpleNamespace(returncode=code, stdout=output, stderr="why it failed")


def named(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in SERVERS.as_environment().items():
        monkeypatch.setenv(variable, value)


@pytest.mark.parametrize("choice", ["external", "auto"])
def test_named_servers_are_used(monkeypatch: pytest.MonkeyPatch, choice: str) -> None:
    monkeypatch.setenv("TWOTOP_TEST_BACKENDS", choice)
    named(monkeypatch)
    with servers() as found:
        assert found == SERVERS


def test_external_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOTOP_TEST_BACKENDS", "external")
    with pytest.raises(RuntimeError, match="TWOTOP_TEST_REDIS_URL"):
        servers()
    monkeypatch.setenv("TWOTOP_TEST_BACKENDS", "elsewhere")
    with pytest.raises(RuntimeError, match="elsewhere"):
        servers()


def native_answer() -> str:
    urls = {f"{name}_url": url for name, url in zip(VARIABLES, SERVERS.as_environment().values(), strict=True)}
    return "a line before\n" + json.dumps(urls)


@pytest.mark.parametrize("images", [(1, ""), (0, "other:latest")])
def test_without_the_images_the_native_servers_are_started_and_stopped(
    monkeypatch: pytest.MonkeyPatch, images: tuple[int, str]
) -> None:
    commands = Commands(image=images, up=(0, native_answer()))
    monkeypatch.setattr(subprocess, "run", commands)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/docker")
    with servers() as found:
        assert found == SERVERS
    assert commands.asked == ["image", "up", "down"]


def test_native_servers_that_do_not_start_say_why_and_are_taken_down(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = Commands(up=(1, ""))
    monkeypatch.setattr(subprocess, "run", commands)
    monkeypatch.setenv("TWOTOP_TEST_BACKENDS", "native")
    with pytest.raises(RuntimeError, match="why it failed"), servers():
        pass
    assert commands.asked == ["up", "down"]


def test_an_engine_with_the_images_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def containers() -> Iterator[Servers]:
        yield SERVERS

    monkeypatch.setattr(subprocess, "run", Commands(image=(0, f"{POSTGRES_IMAGE}\n{BROKER_IMAGE}\n{REDIS_IMAGE}\n")))
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/docker")
    monkeypatch.setattr(importlib, "import_module", lambda _: SimpleNamespace(containers=containers))
    with servers() as found:
        assert found == SERVERS


def test_an_engine_that_is_missing_or_does_not_answer_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert not module._docker_usable()
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/docker")

    def slow(*_: Any, **__: Any) -> None:
        raise subprocess.TimeoutExpired("docker", 10)

    monkeypatch.setattr(subprocess, "run", slow)
    assert not module._docker_usable()
