"""The operations pages name every setting and every metric that there is, and none that there is not."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

from twotop_common.service_defaults.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
OPERATIONS = ROOT / "docs" / "operations"
PACKAGES = ("session_api", "pairing", "realtime_gateway", "cleanup_worker")
METRIC = re.compile(r'(?:Counter|Gauge|Histogram|Summary|Info)\(\s*"(twotop_\w+)"')


def _settings() -> set[str]:
    classes: set[type[ServiceSettings]] = {ServiceSettings}
    for package in PACKAGES:
        module = importlib.import_module(f"{package}.settings")
        classes |= {
            found for _, found in inspect.getmembers(module, inspect.isclass) if issubclass(found, ServiceSettings)
        }
    return {f"TWOTOP_{name.upper()}" for found in classes for name in found.model_fields}


def _metrics() -> set[str]:
    sources = [*ROOT.glob("services/*/src/**/*.py"), *ROOT.glob("libs/common/src/**/*.py")]
    return {name for source in sources for name in METRIC.findall(source.read_text(encoding="utf-8"))}


def _in_first_column(page: Path, pattern: str) -> set[str]:
    rows = [line.split("|")[1] for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(pattern, row)}


def test_the_settings_page_names_every_setting() -> None:
    assert _in_first_column(OPERATIONS / "settings.md", r"`(TWOTOP_\w+)`") == _settings()


def test_the_metrics_page_names_every_metric() -> None:
    assert _in_first_column(OPERATIONS / "logs-and-metrics.md", r"`(twotop_\w+)`") == _metrics()
