"""The gateway as a process of its own, as it is deployed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from gateway_testing.serving import free_port
from twotop_common.testing.eventually import eventually


@dataclass(frozen=True)
class GatewayProcess:
    """A started process and its address."""

    process: asyncio.subprocess.Process
    url: str


@asynccontextmanager
async def gateway_process(settings: dict[str, Any]) -> AsyncIterator[GatewayProcess]:
    """``realtime-gateway serve`` with these settings, from ready until the block ends."""
    port = free_port()
    environment = {f"TWOTOP_{name.upper()}": str(value) for name, value in {**settings, "port": port}.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from realtime_gateway.main import main; main()",
        "serve",
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    url = f"http://127.0.0.1:{port}"
    try:

        async def ready() -> bool:
            async with httpx.AsyncClient(trust_env=False) as client:
                try:
                    answer = await client.get(f"{url}/health/detailed")
                except httpx.TransportError:
                    return False
            return answer.status_code == 200 and bool(answer.json()["status"] == "ok")

        await eventually(ready, timeout_s=90)
        yield GatewayProcess(process, url)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
