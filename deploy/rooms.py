"""The rooms of a service, checked finer than import-linter can: who writes SQL, and who builds adapters.

SQL is written in `queries`, `store`, `tables` (and migrations); other rooms may name the types of a transaction and
what a database can raise, and hand no statement of their own to a connection. Real adapters (pools, engines,
connections, clients) are made in `bootstrap`, and by the operator's command line.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SQL_ROOMS = {"queries", "store", "tables"}
BUILDING_ROOMS = {"bootstrap", "cli"}
DATABASE_LIBRARIES = {"asyncpg", "sqlalchemy", "sqlmodel"}
TYPES_OF_A_TRANSACTION = {
    "AsyncSession",
    "AsyncEngine",
    "AsyncConnection",
    "async_sessionmaker",
    "Connection",
    "Pool",
    "Record",
}
STATEMENT_METHODS = {"execute", "executemany", "fetch", "fetchrow", "fetchval"}
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
        if not rooms & SQL_ROOMS:
            yield from _statements(node)
        if not rooms & (SQL_ROOMS | BUILDING_ROOMS):
            yield from _database_names(node)
        if not rooms & BUILDING_ROOMS:
            yield from _building(node)


def _statements(node: ast.AST) -> Iterator[tuple[int, str]]:
    match node:
        case ast.Call(ast.Attribute(attr=method), [statement, *_]) if method in STATEMENT_METHODS:
            if _is_text(statement):
                yield node.lineno, f"calls {method} with a statement: SQL belongs in queries, store or tables"


def _database_names(node: ast.AST) -> Iterator[tuple[int, str]]:
    match node:
        case ast.Import(names):
            used = [name.name for name in names if name.name != "asyncpg" and _is_of_database(name.name)]
        case ast.ImportFrom(module, names) if module != "sqlalchemy.exc" and _is_of_database(module or ""):
            used = [name.name for name in names if not _is_type_or_error(name.name)]
        case ast.Attribute(ast.Name("asyncpg"), name) if not _is_type_or_error(name):
            used = [f"asyncpg.{name}"]
        case _:
            return
    for name in used:
        yield node.lineno, f"uses {name}: SQL belongs in queries, store or tables"


def _is_of_database(module: str) -> bool:
    return module.partition(".")[0] in DATABASE_LIBRARIES


def _is_type_or_error(name: str) -> bool:
    return name in TYPES_OF_A_TRANSACTION or name.endswith("Error")


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _building(node: ast.AST) -> Iterator[tuple[int, str]]:
    if not isinstance(node, ast.Call):
        return
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    if name in BUILDERS:
        yield node.lineno, f"calls {name}: adapters are built in bootstrap"


if __name__ == "__main__":
    sys.exit(main())
