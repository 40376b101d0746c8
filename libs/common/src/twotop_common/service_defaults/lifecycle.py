"""Start and stop in order. A dead background task ends the process, so that whoever started it starts it again.

Order of a stop (SIGTERM, SIGINT): not ready any more, ``before_stop`` while requests are still served, HTTP drained,
``stop`` hooks in order (consumers first, then the outbox), background tasks cancelled, adapters closed by ``build``.
A second signal skips the waiting. The process ends with 0 after a signal and with 1 after a failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import uvicorn
import uvloop
from starlette.types import ASGIApp

from twotop_common.service_defaults import telemetry
from twotop_common.service_defaults.health import Health
from twotop_common.service_defaults.logging import configure_logging, get_logger
from twotop_common.service_defaults.settings import ServiceSettings

log = get_logger(__name__)
SettingsT = TypeVar("SettingsT", bound=ServiceSettings)
WS_MAX_BYTES = 65_536
KEEP_ALIVE_S = 75
"""Longer than the gateway keeps an idle upstream connection, so that it is never the service that closes first."""


class BackgroundTaskEnded(Exception):
    """A task that should run for ever returned or raised."""


@dataclass(slots=True)
class Runtime:
    """A built service: what answers, what runs beside it, and what has to be done at its end."""

    app: ASGIApp
    background: Mapping[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    before_stop: Sequence[Callable[[], Awaitable[Any]]] = ()
    stop: Sequence[Callable[[], Awaitable[Any]]] = ()
    health: Health | None = None


Build = Callable[[SettingsT], AbstractAsyncContextManager[Runtime]]


def run_service(settings: SettingsT, build: Build[SettingsT], *, ws: str = "websockets-sansio") -> None:
    """Serve until a signal, then exit the process."""
    configure_logging(settings.service, settings.instance, settings.log_level)
    telemetry.configure(settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(serve(settings, build, ws=ws))
    telemetry.flush()
    sys.exit(code)


async def serve(settings: SettingsT, build: Build[SettingsT], *, ws: str = "websockets-sansio") -> int:
    """The whole life of a service. The exit code."""
    log.info("service.starting", environment=settings.environment)
    try:
        async with build(settings) as runtime, _supervised(runtime) as supervision:
            code = await _serve_until_told(settings, runtime, supervision, ws)
    except Exception:
        log.exception("service.failed")
        return 1
    log.info("service.stopped", code=code)
    return code


@contextlib.asynccontextmanager
async def running(runtime: Runtime) -> AsyncIterator[Runtime]:
    """A built service without its HTTP server, for tests. A background task that ends raises at the exit."""
    async with _supervised(runtime) as supervision:
        try:
            yield runtime
            if supervision.ended.done():
                supervision.ended.result()
        finally:
            supervision.begin_stop()
            await _call_in_order([*runtime.before_stop, *runtime.stop])


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, which would end the process by the signal it caught."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve_until_told(settings: ServiceSettings, runtime: Runtime, supervision: _Supervision, ws: str) -> int:
    # Ours, because uvicorn leaves the process by itself when the port is taken.
    listener = socket.create_server((settings.host, settings.port), backlog=2_048)
    log.info("service.listening", port=listener.getsockname()[1])
    server = _Server(
        uvicorn.Config(
            runtime.app,
            host=settings.host,
            port=settings.port,
            http="httptools",
            ws=ws,
            ws_max_size=WS_MAX_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=max(1, int(settings.shutdown_grace_s)),
        )
    )
    told = asyncio.Event()

    def on_signal() -> None:
        if told.is_set():
            server.force_exit = True
        told.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    telling = asyncio.ensure_future(told.wait())
    gc.collect()
    gc.freeze()
    try:
        awaited: set[asyncio.Future[Any]] = {serving, telling, supervision.ended}
        await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        supervision.begin_stop()
        log.info("service.stopping")
        await _call_in_order(runtime.before_stop)
        server.should_exit = True
        with contextlib.suppress(SystemExit):
            await serving
        await _call_in_order(runtime.stop)
    finally:
        telling.cancel()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    return 0 if told.is_set() and not supervision.failed else 1


class _Supervision:
    """Watches the background tasks. ``ended`` gets BackgroundTaskEnded when one of them ends before the stop began."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._stopping = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Read once, so that asyncio does not complain about an exception that nobody waited for.
        self.ended.add_done_callback(lambda ended: ended.cancelled() or ended.exception())

    @property
    def failed(self) -> bool:
        return self.ended.done() and not self.ended.cancelled() and self.ended.exception() is not None

    def begin_stop(self) -> None:
        """From here on the service is not ready, and a task that returns has done what it was told."""
        self._stopping = True
        if self._runtime.health is not None:
            self._runtime.health.stopping = True

    async def watch(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        error: Exception | None = None
        try:
            await work()
        except Exception as failure:
            error = failure
        if self._stopping and error is None:
            return
        log.error("background.ended", task=name, exc_info=error)
        if not self.ended.done():
            failed = BackgroundTaskEnded(name)
            failed.__cause__ = error
            self.ended.set_exception(failed)


@contextlib.asynccontextmanager
async def _supervised(runtime: Runtime) -> AsyncIterator[_Supervision]:
    supervision = _Supervision(runtime)
    tasks = [asyncio.create_task(supervision.watch(name, work), name=name) for name, work in runtime.background.items()]
    try:
        yield supervision
    finally:
        supervision.begin_stop()
        await _cancel(tasks)


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel until they have ended: a library that is just connecting may swallow the first request."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=1)


async def _call_in_order(hooks: Sequence[Callable[[], Awaitable[Any]]]) -> None:
    for hook in hooks:
        try:
            await hook()
        except Exception:
            log.exception("service.stop_hook_failed", hook=getattr(hook, "__qualname__", repr(hook)))
