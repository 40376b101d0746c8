"""Rules of the house that no linter knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
SOURCES = sorted(path for folder in ("libs", "services", "deploy") for path in (ROOT / folder).glob("**/src/**/*.py"))


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"BaseHTTPMiddleware", "costs two thirds of the throughput: write pure ASGI"),
        (r"log\.\w+\(\s*f[\"']", "log events are constant strings with fields"),
        (r"\bNOTIFY\b\s+\w", "cut appends to a third: wake relays in the process"),
        (r"aio_pika\.connect_robust", "a reused queue name is locked after a half-open drop"),
    ],
)
def test_no_source_breaks_a_rule(pattern: str, why: str) -> None:
    assert SOURCES
    offenders = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(pattern, line) and "``" not in line
    ]
    assert not offenders, why
