"""Roles and databases, one of each for every service, made idempotently: the bootstrap of both starts.

    python -m twotop_common.service_defaults.databases --admin-url postgresql://… --password pairing=… [--only pairing]

CONNECT is revoked from PUBLIC, so that no service can reach another's tables.
"""

from __future__ import annotations

import asyncio
from typing import Annotated
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import typer

ROLES = ("session_api", "pairing", "realtime_gateway", "cleanup_worker")
LOCK = 0x64617461


def database_url(admin_url: str, role: str, password: str, *, database: str | None = None) -> str:
    """The address of a service's database on the same server."""
    parts = urlsplit(admin_url)
    host = parts.hostname or "127.0.0.1"
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, f"{role}:{quote(password, safe='')}@{host}{port}", f"/{database or role}", "", ""))


async def bootstrap(admin_url: str, passwords: dict[str, str]) -> None:
    """Make each role and its database, or set the password of one that is there. Safe to run twice, or at once."""
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        for role, password in passwords.items():
            await make_role(connection, role, password)
            await make_database(connection, role, owner=role)
        await connection.execute("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
    finally:
        await connection.close()


async def make_role(connection: asyncpg.Connection, role: str, password: str) -> None:
    """A log-in role without further rights."""
    exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    verb = "ALTER" if exists else "CREATE"
    await connection.execute(
        f"{verb} ROLE {_name(role)} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {_literal(password)}"
    )


async def make_database(connection: asyncpg.Connection, name: str, *, owner: str, template: str = "template0") -> None:
    """A database that only its owner may connect to."""
    if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
        await connection.execute(
            f"CREATE DATABASE {_name(name)} OWNER {_name(owner)} TEMPLATE {_name(template)}"
            + (" ENCODING 'UTF8'" if template == "template0" else "")
        )
    await connection.execute(f"REVOKE CONNECT ON DATABASE {_name(name)} FROM PUBLIC")
    await connection.execute(f"GRANT CONNECT ON DATABASE {_name(name)} TO {_name(owner)}")


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def main(
    admin_url: Annotated[str, typer.Option(envvar="TWOTOP_ADMIN_DATABASE_URL", help="a superuser's address")],
    password: Annotated[
        list[str] | None,
        typer.Option(
            envvar="TWOTOP_DATABASE_PASSWORDS",
            help="role=password; a role not named here gets its own name (development)",
        ),
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="make only these roles")] = None,
) -> None:
    """Make the services' roles and databases."""
    given = dict(item.split("=", 1) for item in password or [])
    unknown = set(given) - set(ROLES)
    if unknown:
        raise typer.BadParameter(f"no such role: {', '.join(sorted(unknown))}")
    wanted = [role for role in ROLES if not only or role in only]
    asyncio.run(bootstrap(admin_url, {role: given.get(role, role) for role in wanted}))
    typer.echo(f"databases ready: {', '.join(wanted)}")


if __name__ == "__main__":
    typer.run(main)
