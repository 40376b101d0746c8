"""Finding the real servers on this machine, wherever its packages put them."""

import pwd
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from twotop_native.paths import running_as_root

# The Debian package of each server; other systems' names differ, the error text says which servers are needed.
PACKAGES: Mapping[str, str] = {
    "postgres": "postgresql",
    "rabbitmq": "rabbitmq-server",
    "redis": "redis-server",
    "nginx": "nginx",
}
_USERS: Mapping[str, Sequence[str]] = {
    "postgres": ("postgres",),
    "rabbitmq": ("rabbitmq",),
    "redis": ("redis",),
    "nginx": ("www-data", "nginx", "nobody"),
}
_EXTRA_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/sbin", "/opt/homebrew/bin", "/opt/homebrew/sbin")


class ServerMissing(RuntimeError):
    """A server is not installed."""


@dataclass(frozen=True)
class Binaries:
    """Paths of the programs that the launcher starts."""

    postgres: Path
    initdb: Path
    rabbitmq: Path
    epmd: Path
    redis: Path


def find_program(name: str) -> Path | None:
    """A program on the path or where system servers usually lie."""
    found = shutil.which(name) or shutil.which(name, path=":".join(_EXTRA_FOLDERS))
    return Path(found) if found else None


def find_postgres() -> Path | None:
    """The folder with the newest PostgreSQL's programs; Debian keeps them off the path."""
    versions = [p for p in Path("/usr/lib/postgresql").glob("*/bin") if (p / "initdb").exists()]
    if versions:
        return max(versions, key=lambda p: int(re.sub(r"\D", "", p.parent.name) or 0))
    initdb = find_program("initdb")
    return initdb.resolve().parent if initdb else None


def find_rabbitmq() -> Path | None:
    """The server script itself: Debian's wrapper on the path insists on its own user and folders."""
    for folder in ("/usr/lib/rabbitmq/bin", "/usr/local/opt/rabbitmq/sbin", "/opt/homebrew/opt/rabbitmq/sbin"):
        if (script := Path(folder) / "rabbitmq-server").exists():
            return script
    return find_program("rabbitmq-server")


def find_backends() -> Binaries:
    """Every program the backends need. Raises ServerMissing naming all that are missing."""
    postgres, rabbitmq, epmd, redis = (
        find_postgres(),
        find_rabbitmq(),
        find_program("epmd"),
        find_program("redis-server"),
    )
    if postgres and rabbitmq and epmd and redis:
        return Binaries(postgres / "postgres", postgres / "initdb", rabbitmq, epmd, redis)
    raise ServerMissing(", ".join(missing_servers(("postgres", "rabbitmq", "redis"))))


def missing_servers(wanted: Sequence[str] = tuple(PACKAGES)) -> list[str]:
    """Those of the wanted servers that are not installed."""
    present = {
        "postgres": find_postgres() is not None,
        "rabbitmq": find_rabbitmq() is not None and find_program("epmd") is not None,
        "redis": find_program("redis-server") is not None,
        "nginx": find_program("nginx") is not None,
    }
    return [name for name in wanted if not present[name]]


def user_for(server: str) -> str | None:
    """The user a server runs as: its own when we are root, ourselves otherwise."""
    if not running_as_root():
        return None
    for name in _USERS[server]:
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise ServerMissing(f"no user to run {server} as: expected one of {', '.join(_USERS[server])}")
