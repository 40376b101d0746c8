"""The rooms of a service, checked finer than import-linter can: who writes SQL, and who builds adapters.

SQL is written in `queries`, `store`, `tables` (and migrations); other rooms may name the types of a transaction and
what a database can raise, nothing else. Real adapters (pools, engines, connections, clients) are made in `bootstrap`,
and by the operator's command line.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SQL_ROOMS = {"queries", "store", "tables"}
BUILDING_ROOMS = {"bootstrap", "cli"}
DATABASE_LIBRARIES = {"sqlalchemy", "sqlmodel"}
TYPES_OF_A_TRANSACTION = {"AsyncSession", "AsyncEngine", "AsyncConnection", "async_sessionmaker"}
BUILDERS = {
    "create_async_engine",
    "create_engine",
    "create_pool",
    "connect_robust",
    "from_url",
    "AsyncClient",
    "open_database",
}


def main() -> int:
    """Print each finding as path:line; the exit code says whether there was one."""
    findings = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in sorted(ROOT.glob("services/*/src/**/*.py"))
        for line, what in check(path)
    ]
    print("\n".join(findings))
    return 1 if findings else 0


def check(path: Path) -> Iterator[tuple[int, str]]:
    """What a file does that its room may not."""
    rooms = {*path.parts, path.stem}
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if not rooms & (SQL_ROOMS | BUILDING_ROOMS):
            yield from _sql(node)
        if not rooms & BUILDING_ROOMS:
            yield from _building(node)


def _sql(node: ast.AST) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Import):
        for name in node.names:
            if name.name.split(".")[0] in DATABASE_LIBRARIES:
                yield node.lineno, f"imports {name.name}: SQL belongs in queries, store or tables"
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in DATABASE_LIBRARIES:
        if node.module == "sqlalchemy.exc":
            return
        for name in node.names:
            if name.name not in TYPES_OF_A_TRANSACTION:
                yield node.lineno, f"imports {name.name}: SQL belongs in queries, store or tables"


def _building(node: ast.AST) -> Iterator[tuple[int, str]]:
    if not isinstance(node, ast.Call):
        return
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    if name in BUILDERS:
        yield node.lineno, f"calls {name}: adapters are built in bootstrap"


if __name__ == "__main__":
    sys.exit(main())
