"""Real HTTP servers inside a test, on free loopback ports."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn


def free_port() -> int:
    """A loopback port below the ephemeral range, free a moment ago."""
    while True:
        port = random.randint(12_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@asynccontextmanager
async def serving(app: Any, *, ws: str = "none", port: int | None = None) -> AsyncIterator[tuple[str, uvicorn.Server]]:
    """Serve ``app``; its ``http://`` address and the server. Stopped like a service is."""
    number = port or free_port()
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=number,
        ws=ws,
        ws_max_size=65_536,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    loop = asyncio.create_task(server.main_loop())
    try:
        yield f"http://127.0.0.1:{number}", server
    finally:
        server.should_exit = True
        await loop
        await server.shutdown()
