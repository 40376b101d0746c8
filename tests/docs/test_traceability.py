"""Every test that the traceability page names exists where it says; every requirement built so far is listed."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "traceability.md"
NAMED = re.compile(r"\[(test_\w+)\]\(\.\./([^)]+)\)")
ROW = re.compile(r"^\| ([A-Z]\d+) \|(.*)$", re.MULTILINE)
BUILT_BY_AREA = {
    "T": (1, 2),
    "S": range(1, 7),
    "P": range(1, 9),
    "G": (1, 3),
    "L": range(1, 7),
    "R": (1, 2, 3, 4, 5, 7),
    "E": (1, 2, 5),
    "X": range(1, 6),
    "V": (1, 2, 3, 4, 5, 7, 8, 9),
    "W": (1, 3),
}
BUILT = {f"{area}{number}" for area, numbers in BUILT_BY_AREA.items() for number in numbers}


def test_named_tests_exist() -> None:
    named = NAMED.findall(PAGE.read_text(encoding="utf-8"))
    assert named
    missing = [name for name, path in named if f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")]
    assert missing == []


def test_every_built_requirement_has_code_tests_and_a_page() -> None:
    rows = dict(ROW.findall(PAGE.read_text(encoding="utf-8")))
    assert set(rows) == BUILT
    for requirement, rest in rows.items():
        code, tests, page = rest.strip(" |").split(" | ")[1:]
        assert "](" in code, requirement
        assert "](" in tests, requirement
        assert "](" in page, requirement
