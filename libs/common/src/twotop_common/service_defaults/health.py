"""Health: alive, able to serve, and each dependency by name.

A dependency is critical when the service can answer nobody without it. The broker and Redis never are for HTTP: while
the broker is away guests go on by polling, without Redis each instance limits by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg
from prometheus_client import Gauge
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from twotop_common.messaging.connection import BrokerConnection

CHECK_TIMEOUT_S = 2.0
CACHE_S = 0.5

_READY = Gauge("twotop_ready", "1 while requests may be sent here")
_DEPENDENCY = Gauge("twotop_dependency_up", "1 while the dependency is well", ["dependency"])


class NotHealthy(Exception):
    """A check's reason in a few constant words."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One dependency. ``check`` returns when it is well and raises when it is not."""

    name: str
    check: Callable[[], Awaitable[None]]
    critical: bool


class Connected(Protocol):
    """Anything that knows whether it is connected: consumer, subscription, publisher."""

    @property
    def connected(self) -> bool: ...


class Health:
    """The service's health. ``starting`` and ``stopping`` make it not ready whatever its dependencies say."""

    def __init__(self, service: str, checks: Sequence[HealthCheck]) -> None:
        self.service = service
        self.stopping = False
        self._checks = tuple(checks)
        self._last: tuple[float, dict[str, dict[str, Any]]] | None = None

    async def detailed(self) -> dict[str, Any]:
        """Overall ``status`` (ok, degraded, unavailable) and for each dependency status, latency_ms and critical."""
        results = await self._run_checks()
        failed = [check for check in self._checks if results[check.name]["status"] != "ok"]
        if self.stopping or any(check.critical for check in failed):
            status = "unavailable"
        else:
            status = "degraded" if failed else "ok"
        _READY.set(status != "unavailable")
        for name, result in results.items():
            _DEPENDENCY.labels(name).set(result["status"] == "ok")
        return {"status": status, "service": self.service, "stopping": self.stopping, "dependencies": results}

    async def ready(self) -> bool:
        """Whether requests may be sent here now."""
        return bool((await self.detailed())["status"] != "unavailable")

    async def _run_checks(self) -> dict[str, dict[str, Any]]:
        # Several probes in one moment ask the dependencies once.
        if self._last is not None and time.monotonic() - self._last[0] < CACHE_S:
            return self._last[1]
        outcomes = await asyncio.gather(*map(_probe, self._checks))
        results = {check.name: outcome for check, outcome in zip(self._checks, outcomes, strict=True)}
        self._last = (time.monotonic(), results)
        return results


async def _probe(check: HealthCheck) -> dict[str, Any]:
    started = time.perf_counter()
    outcome: dict[str, Any] = {"status": "ok", "critical": check.critical}
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check.check()
    except Exception as error:
        outcome["status"] = "failed"
        # Only our own words and the exception's name: a driver's message may hold an address.
        outcome["error"] = str(error) if isinstance(error, NotHealthy) else type(error).__name__
    outcome["latency_ms"] = round((time.perf_counter() - started) * 1_000, 2)
    return outcome


def database_check(engine: AsyncEngine) -> HealthCheck:
    """The service's database, through its engine."""

    async def check() -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    return HealthCheck("database", check, critical=True)


def pool_check(pool: asyncpg.Pool) -> HealthCheck:
    """The service's database, through its asyncpg pool."""

    async def check() -> None:
        await pool.fetchval("SELECT 1", timeout=CHECK_TIMEOUT_S)

    return HealthCheck("database", check, critical=True)


def broker_check(broker: BrokerConnection, *, critical: bool = False) -> HealthCheck:
    """RabbitMQ."""
    return connected_check("broker", broker, critical=critical)


def connected_check(name: str, component: Connected, *, critical: bool = False) -> HealthCheck:
    """A component that knows by itself whether it is connected."""

    async def check() -> None:
        if not component.connected:
            raise NotHealthy("not connected")

    return HealthCheck(name, check, critical)


def redis_check(redis_url: str) -> HealthCheck:
    """Redis; never critical, it holds only what can be rebuilt."""

    async def check() -> None:
        # A connection of its own, which leaves nothing to be closed at the end.
        async with Redis.from_url(
            redis_url, socket_timeout=CHECK_TIMEOUT_S, socket_connect_timeout=CHECK_TIMEOUT_S
        ) as client:
            await client.ping()

    return HealthCheck("redis", check, critical=False)
