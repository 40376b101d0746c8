"""A service's life: start, serve, stop in order, and end when a part of it dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import httpx
import pytest
from fastapi import APIRouter, WebSocket
from typer.testing import CliRunner
from websockets.asyncio.client import connect

from twotop_common.contracts.registry import Service
from twotop_common.service_defaults import cli, lifecycle, migrations
from twotop_common.service_defaults.app import create_app
from twotop_common.service_defaults.cli import make_cli
from twotop_common.service_defaults.health import Health
from twotop_common.service_defaults.lifecycle import BackgroundTaskEnded, Runtime, running, serve
from twotop_common.service_defaults.settings import ServiceSettings
from twotop_common.testing.eventually import eventually

pytestmark = pytest.mark.integration


class Settings(ServiceSettings):
    service: ClassVar[Service] = "pairing"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Parts:
    """A service of little parts that write down what happens to them."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.release = asyncio.Event()
        self.die = asyncio.Event()
        self.error: Exception | None = None
        self.router = APIRouter()
        self.router.add_api_route("/slow", self.slow, methods=["GET"])
        self.router.add_api_websocket_route("/echo", self.echo)

    async def slow(self) -> dict[str, bool]:
        self.events.append("request begun")
        await self.release.wait()
        self.events.append("request answered")
        return {"ok": True}

    async def echo(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.close()

    async def work(self) -> None:
        try:
            await self.die.wait()
            if self.error:
                raise self.error
        except asyncio.CancelledError:
            self.events.append("work cancelled")
            raise

    async def before(self) -> None:
        self.events.append("before stop")

    async def after(self) -> None:
        self.events.append("stop")

    async def bad_hook(self) -> None:
        raise RuntimeError("a bug")

    @asynccontextmanager
    async def build(self, settings: Settings) -> AsyncIterator[Runtime]:
        health = Health("pairing", [])
        self.events.append("built")
        yield Runtime(
            app=create_app(settings, title="Parts", health=health, routers=[self.router]),
            background={"work": self.work},
            before_stop=[self.bad_hook, self.before],
            stop=[self.after],
            health=health,
        )
        self.events.append("closed")


@asynccontextmanager
async def serving(parts: Parts, settings: Settings) -> AsyncIterator[asyncio.Task[int]]:
    task = asyncio.create_task(serve(settings, parts.build))
    url = f"http://127.0.0.1:{settings.port}"
    async with httpx.AsyncClient(base_url=url) as client:

        async def up() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return (await client.get("/health/ready")).status_code == 200
            return False

        await eventually(up)
        yield task
    if not task.done():
        os.kill(os.getpid(), signal.SIGTERM)
        await task


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_order_and_requests_in_flight_are_answered(number: signal.Signals) -> None:
    parts, settings = Parts(), Settings(port=free_port())
    async with (
        serving(parts, settings) as task,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as client,
    ):
        request = asyncio.create_task(client.get("/api/slow"))
        await eventually(lambda: "request begun" in parts.events)
        os.kill(os.getpid(), number)
        await eventually(lambda: "before stop" in parts.events)
        parts.release.set()
        assert (await request).json() == {"ok": True}
        assert await task == 0
    assert parts.events == [
        "built",
        "request begun",
        "before stop",
        "request answered",
        "stop",
        "work cancelled",
        "closed",
    ]


async def test_a_second_signal_does_not_wait_for_requests() -> None:
    parts, settings = Parts(), Settings(port=free_port())
    async with (
        serving(parts, settings) as task,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as client,
    ):
        request = asyncio.create_task(client.get("/api/slow"))
        await eventually(lambda: "request begun" in parts.events)
        os.kill(os.getpid(), signal.SIGTERM)
        await eventually(lambda: "before stop" in parts.events)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await asyncio.wait_for(task, 8) == 0
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), None])
async def test_a_dead_background_task_ends_the_process_with_a_failure(error: Exception | None) -> None:
    parts, settings = Parts(), Settings(port=free_port())
    parts.error = error
    async with serving(parts, settings) as task:
        parts.die.set()
        assert await asyncio.wait_for(task, 8) == 1
    assert parts.events[-2:] == ["stop", "closed"]


async def test_a_port_that_is_taken_and_a_build_that_fails_are_failures() -> None:
    parts = Parts()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert await serve(Settings(port=taken.getsockname()[1]), parts.build) == 1

    @asynccontextmanager
    async def broken(settings: Settings) -> AsyncIterator[Runtime]:
        raise OSError("no database")
        yield

    assert await serve(Settings(port=free_port()), broken) == 1


async def test_sockets_are_served_without_compression() -> None:
    parts, settings = Parts(), Settings(port=free_port())
    async with serving(parts, settings), connect(f"ws://127.0.0.1:{settings.port}/api/v1/echo") as socket_:
        assert socket_.response is not None
        assert "Sec-WebSocket-Extensions" not in socket_.response.headers
        await socket_.send("hello")
        assert await socket_.recv() == "hello"


async def run_until_dead(parts: Parts, runtime: Runtime) -> None:
    async with running(runtime):
        parts.die.set()
        for _ in range(3):
            await asyncio.sleep(0)


async def test_running_for_tests_reports_a_dead_task() -> None:
    parts = Parts()
    async with parts.build(Settings()) as runtime:
        async with running(runtime):
            await asyncio.sleep(0)
        assert parts.events == ["built", "before stop", "stop", "work cancelled"]
        with pytest.raises(BackgroundTaskEnded, match="work"):
            await run_until_dead(parts, runtime)


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TWOTOP_")]:
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("no_environment")
def test_the_command_line_serves_migrates_and_prints_openapi(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(cli, "run_service", lambda settings, build, ws: calls.append(("serve", settings.port, ws)))
    monkeypatch.setattr(migrations, "migrate", lambda url, package, to: calls.append(("up", package, to)))
    monkeypatch.setattr(migrations, "downgrade", lambda url, package, to: calls.append(("down", package, to)))
    monkeypatch.setattr(cli, "configure_logging", lambda *_: None)
    parts = Parts()
    app = make_cli(
        Settings,
        parts.build,
        package="pairing",
        openapi=lambda: create_app(Settings(), title="T", health=Health("pairing", []), routers=[parts.router]),
    )
    run = CliRunner().invoke
    assert run(app, ["serve", "--port", "1234"]).exit_code == 0
    assert run(app, ["migrate", "up"]).exit_code == 0
    assert run(app, ["migrate", "down", "--to", "0001"]).exit_code == 0
    assert "/api/v1/slow" in run(app, ["openapi"]).output
    assert calls == [("serve", 1234, "websockets-sansio"), ("up", "pairing", "head"), ("down", "pairing", "0001")]
    monkeypatch.setenv("TWOTOP_ENVIRONMENT", "production")
    refused = run(app, ["serve"])
    assert refused.exit_code == 2
    assert "TWOTOP_CODE_KEYS" in refused.output


def test_the_process_exits_with_the_services_code(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = []

    @asynccontextmanager
    async def broken(settings: Settings) -> AsyncIterator[Runtime]:
        parts.append(settings.service)
        raise OSError("no database")
        yield

    monkeypatch.setattr(lifecycle, "configure_logging", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        lifecycle.run_service(Settings(), broken)
    assert ended.value.code == 1
    assert parts == ["pairing"]
