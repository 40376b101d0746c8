"""The error reference names exactly the codes, and their statuses, that the services can answer with."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "api" / "errors.md"
ROW = re.compile(r"^\| `(\w+)` \| (\d{3}) \|", re.MULTILINE)


def _sources() -> Iterator[Path]:
    yield from sorted(ROOT.glob("services/*/src/**/*.py"))
    yield from sorted(ROOT.glob("libs/common/src/**/*.py"))


def _string(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _number(node: ast.expr | None) -> int | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None


def _constructed(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """``Problem(404, "code_invalid", …)``, and subclasses that call ``super().__init__(404, "code_invalid", …)``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and len(node.args) >= 2:
            status, code = _number(node.args[0]), _string(node.args[1])
            if status is not None and 400 <= status <= 599 and code is not None:
                yield code, status


def _tabled(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """``{"session_closed": (410, "…")}`` and ``{404: "not_found"}``: tables from codes to statuses and back."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Dict):
            continue
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(value, ast.Tuple) and value.elts:
                code, status = _string(key), _number(value.elts[0])
            else:
                code, status = _string(value), _number(key)
            if code is not None and status is not None and 400 <= status <= 599:
                yield code, status


def _codes_in_code() -> set[tuple[str, int]]:
    found: set[tuple[str, int]] = set()
    for source in _sources():
        tree = ast.parse(source.read_text(encoding="utf-8"))
        found |= {*_constructed(tree), *_tabled(tree)}
    return found


def _codes_in_reference() -> set[tuple[str, int]]:
    return {(code, int(status)) for code, status in ROW.findall(REFERENCE.read_text(encoding="utf-8"))}


def test_every_code_of_the_services_is_in_the_reference() -> None:
    assert _codes_in_code() - _codes_in_reference() == set()


def test_the_reference_names_no_code_that_nobody_answers_with() -> None:
    assert _codes_in_reference() - _codes_in_code() == set()
