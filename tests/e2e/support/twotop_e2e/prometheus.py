"""A private Prometheus that scrapes the system under test, with the alert rules and dashboards of the repository."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from twotop_common.testing.eventually import eventually
from twotop_e2e.phone import Json
from twotop_e2e.stack import ROOT, Stack, launch
from twotop_native.ports import LOOPBACK, PortAllocator
from twotop_native.processes import ProcessId, Program, stop

OBSERVABILITY = ROOT / "deploy" / "observability"
ALERTS = OBSERVABILITY / "alerts.yml"
DASHBOARDS = sorted((OBSERVABILITY / "dashboards").glob("*.json"))
SCRAPE_INTERVAL = "500ms"
RATE_INTERVAL = "1m"


@dataclass(frozen=True)
class Graph:
    """One line of a dashboard's panel, as Grafana would ask for it."""

    dashboard: str
    panel: str
    expression: str

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.panel}: {self.expression}"


def graphs() -> list[Graph]:
    """Every line of every dashboard, with the dashboard's variables filled in for all instances."""
    found = []
    for path in DASHBOARDS:
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        job = next(one["query"] for one in dashboard["templating"]["list"] if one["name"] == "job")
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                expression = target["expr"].replace("$__rate_interval", RATE_INTERVAL)
                expression = expression.replace("$job", job).replace("$instance", ".*")
                found.append(Graph(path.stem, panel["title"], expression))
    return found


def alert_rules() -> dict[str, Json]:
    """Every alert by its name."""
    content = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))
    return {rule["alert"]: rule for group in content["groups"] for rule in group["rules"]}


@dataclass
class Prometheus:
    """Asked over its HTTP interface."""

    http: httpx.AsyncClient

    async def get(self, path: str, **parameters: Any) -> Any:
        """The answer's data; Prometheus' own words in the AssertionError when it refuses."""
        response = await self.http.get(f"/api/v1/{path}", params=parameters)
        # While it starts it answers in plain words.
        assert response.headers["content-type"].startswith("application/json"), response.text
        answer = response.json()
        assert answer["status"] == "success", f"{parameters}: {answer}"
        return answer["data"]

    async def query(self, expression: str) -> list[float]:
        """The values that an expression has now; without those that are not a number."""
        data = await self.get("query", query=expression)
        values = [float(sample["value"][1]) for sample in data["result"]]
        return [value for value in values if not math.isnan(value)]

    async def series(self, metric: str) -> list[dict[str, str]]:
        """The label sets that a metric has been seen with."""
        found: list[dict[str, str]] = await self.get("series", **{"match[]": metric})
        return found


@asynccontextmanager
async def scraping(stack: Stack, folder: Path) -> AsyncIterator[Prometheus]:
    """A Prometheus configured as the repository says, only faster, once it has reached every instance."""
    targets = folder / "targets.json"
    targets.write_text(launch("scrape-targets", f"--state={stack.state}"), encoding="utf-8")
    config = yaml.safe_load((OBSERVABILITY / "prometheus.native.yml").read_text(encoding="utf-8"))
    config["global"] = dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), SCRAPE_INTERVAL)
    config["rule_files"] = [str(OBSERVABILITY / name) for name in config["rule_files"]]
    [job] = config["scrape_configs"]
    job["file_sd_configs"] = [{"files": [str(targets)]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    address = f"{LOOPBACK}:{PortAllocator().take()}"
    program = Program(
        name="prometheus",
        argv=[
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
            "--log.level=warn",
        ],
    )
    log = folder / "prometheus.log"
    process = program.start(log, dies_with_parent=True)
    try:
        async with httpx.AsyncClient(base_url=f"http://{address}", timeout=20) as http:
            prometheus = Prometheus(http)
            instances = sum(stack.instances(service) for service in stack.run["services"])

            async def all_reached() -> bool:
                assert process.poll() is None, log.read_text(encoding="utf-8")
                try:
                    return await prometheus.query("sum(up)") == [instances]
                except httpx.TransportError:
                    return False

            await eventually(all_reached, timeout_s=20, interval_s=0.1)
            yield prometheus
    finally:
        stop(ProcessId.of(process.pid))
        process.wait()
