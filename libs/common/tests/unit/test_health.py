"""Health checks of what is not a database."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from prometheus_client import REGISTRY

from twotop_common.messaging.connection import BrokerConnection
from twotop_common.service_defaults.health import Health, HealthCheck, broker_check, connected_check


async def test_a_component_that_knows_by_itself_is_believed() -> None:
    checks = [
        connected_check("consumer", SimpleNamespace(connected=True)),
        broker_check(BrokerConnection("amqp://127.0.0.1:1/", "x")),
    ]
    report = await Health("pairing", checks).detailed()
    assert report["status"] == "degraded"
    assert report["dependencies"]["consumer"]["status"] == "ok"
    assert report["dependencies"]["broker"]["error"] == "not connected"
    assert await Health("pairing", checks).ready()


async def test_probes_in_one_moment_ask_once_and_a_hanging_dependency_is_a_failed_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("twotop_common.service_defaults.health.CHECK_TIMEOUT_S", 0.05)
    asked = 0

    async def hangs() -> None:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()

    health = Health("pairing", [HealthCheck("database", hangs, critical=True)])
    assert not await health.ready()
    assert not await health.ready()
    assert asked == 1
    assert (await health.detailed())["dependencies"]["database"]["error"] == "TimeoutError"


async def test_health_is_a_metric_too() -> None:
    away = connected_check("broker", SimpleNamespace(connected=False))
    there = connected_check("database", SimpleNamespace(connected=True), critical=True)
    health = Health("pairing", [away, there])
    await health.detailed()
    assert REGISTRY.get_sample_value("twotop_ready") == 1
    assert REGISTRY.get_sample_value("twotop_dependency_up", {"dependency": "broker"}) == 0
    assert REGISTRY.get_sample_value("twotop_dependency_up", {"dependency": "database"}) == 1
    health.stopping = True
    await health.detailed()
    assert REGISTRY.get_sample_value("twotop_ready") == 0
