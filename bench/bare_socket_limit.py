"""What an idle socket costs without anything of ours: a plain ASGI app under uvicorn, run as the gateway is."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import psutil

from bench.phones import in_parallel
from bench.wire import Socket

OPTIONS = ("--ws", "websockets-sansio", "--ws-per-message-deflate", "false", "--no-access-log", "--log-level", "error")


async def app(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """Accept, then wait for whatever comes until the phone hangs up."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def bare_idle_socket(count: int) -> float:
    """Kilobytes of resident memory per socket."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "bench.bare_socket_limit:app", "--host", "127.0.0.1", "--port", str(port)),
        *("--loop", "uvloop", "--lifespan", "off", "--backlog", "4096", *OPTIONS),
    )
    origin = f"http://127.0.0.1:{port}"
    sockets: list[Socket] = []
    try:
        async with asyncio.timeout(30):
            while not sockets:
                with contextlib.suppress(OSError):
                    sockets.append(await Socket.open(origin, "/", _ignore))
                await asyncio.sleep(0.1)
        sockets += await in_parallel(50, 16, lambda: Socket.open(origin, "/", _ignore))
        await asyncio.sleep(1)
        before = psutil.Process(process.pid).memory_info().rss
        sockets += await in_parallel(count, 16, lambda: Socket.open(origin, "/", _ignore))
        await asyncio.sleep(1)
        after = psutil.Process(process.pid).memory_info().rss
    finally:
        for one in sockets:
            one.close()
        process.terminate()
        await process.wait()
    return (after - before) / count / 1000


def _ignore(_: bytes) -> None:
    return None
