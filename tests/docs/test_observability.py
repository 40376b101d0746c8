"""Dashboards and alerts are whole: every metric is shown, every alert tells a person what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
OBSERVABILITY = ROOT / "deploy" / "observability"
DASHBOARDS = sorted((OBSERVABILITY / "dashboards").glob("*.json"))
SEVERITIES = {"critical", "warning"}
METRIC = re.compile(r'(?:Counter|Gauge|Histogram)\(\s*"(twotop_\w+)"')


def _rules() -> list[dict[str, Any]]:
    content = yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text(encoding="utf-8"))
    return [rule for group in content["groups"] for rule in group["rules"]]


def _panels(dashboard: Path) -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = json.loads(dashboard.read_text(encoding="utf-8"))["panels"]
    return panels


def test_every_service_has_a_dashboard() -> None:
    services = {path.name for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").exists()}
    assert {path.stem for path in DASHBOARDS} == services


def test_every_metric_has_its_graph() -> None:
    sources = [*ROOT.glob("services/*/src/**/*.py"), *ROOT.glob("libs/common/src/**/*.py")]
    metrics = {name for source in sources for name in METRIC.findall(source.read_text(encoding="utf-8"))}
    shown = "".join(path.read_text(encoding="utf-8") for path in DASHBOARDS)
    assert metrics
    assert {name for name in metrics if not re.search(rf"\b{name}(?:_bucket|_count|_sum)?{{", shown)} == set()


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_no_panel_lies_on_another(dashboard: Path) -> None:
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in _panels(dashboard))
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24


def test_every_alert_has_a_severity_a_sentence_and_a_section_to_read() -> None:
    rules = _rules()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in SEVERITIES, rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        sections = re.split(r"^#+ ", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
        named = {_anchor(section.partition("\n")[0]): section for section in sections}
        assert anchor in named, rule["alert"]
        if page.endswith("dashboards-and-alerts.md"):
            assert f"`{rule['alert']}`" in named[anchor], f"{rule['alert']} is not explained where it points to"


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
