"""The pytest plugin of real backends: ``pytest_plugins = ["twotop_common.testing.backends"]`` in the root conftest.

Every test gets a database of its own (cloned from a template that is migrated once), a vhost of its own and an empty
piece of Redis. Servers are started once for all xdist workers.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import logging
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import httpx
import pytest
import pytest_asyncio
import structlog
from hypothesis import HealthCheck, settings
from redis.asyncio import Redis

from twotop_common.service_defaults.databases import database_url, make_database, make_role
from twotop_common.service_defaults.migrations import migrate, migrations_path
from twotop_common.testing.servers import Servers, servers

ServiceDatabase = Callable[[str], Awaitable[str]]
"""Given a service's package name, the address of a fresh migrated database of that service."""

Start = Callable[..., list[asyncio.Future[None]]]
"""Runs the ``run`` methods of components in the background until the test ends."""

# How long one example takes says something about the machine, not about the code.
settings.register_profile("twotop", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("twotop")

_SERVERS: pytest.StashKey[Servers] = pytest.StashKey()
_STACK: pytest.StashKey[contextlib.ExitStack] = pytest.StashKey()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the servers are that the controller started."""
    node.workerinput["twotop_servers"] = _servers_of(node.config).as_environment()


def pytest_configure(config: pytest.Config) -> None:
    """Plain log lines; and in an xdist worker, take over the controller's servers."""
    # structlog's own default draws tracebacks with every local variable, which takes seconds.
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["level", "event"]),
        ],
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    told = getattr(config, "workerinput", {}).get("twotop_servers")
    if told:
        os.environ.update(told, TWOTOP_TEST_BACKENDS="external")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """What a command or a service makes of logging in this process is not the next test's."""
    root = logging.getLogger()
    handlers, level, configured = list(root.handlers), root.level, structlog.get_config()
    yield
    root.handlers, root.level = handlers, level
    structlog.configure(**configured)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started."""
    stack = config.stash.get(_STACK, None)
    if stack is not None:
        stack.close()


def _servers_of(config: pytest.Config) -> Servers:
    if _SERVERS not in config.stash:
        stack = config.stash[_STACK] = contextlib.ExitStack()
        config.stash[_SERVERS] = stack.enter_context(servers())
    return config.stash[_SERVERS]


@pytest.fixture(scope="session")
def backend_servers(pytestconfig: pytest.Config) -> Servers:
    """The servers, started on first use."""
    return _servers_of(pytestconfig)


@pytest.fixture(scope="session")
def postgres_admin_url(backend_servers: Servers) -> str:
    """A superuser's address."""
    return backend_servers.postgres


@pytest.fixture(scope="session")
def redis_server_url(backend_servers: Servers) -> str:
    """The Redis server, shared by all tests."""
    return backend_servers.redis


@pytest_asyncio.fixture
async def empty_database(postgres_admin_url: str) -> AsyncIterator[str]:
    """The address of a database without any table, and a superuser's rights in it."""
    name = f"test_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(postgres_admin_url)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
        yield _with_path(postgres_admin_url, name)
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()


@pytest_asyncio.fixture
async def service_database(postgres_admin_url: str) -> AsyncIterator[ServiceDatabase]:
    """Makes databases: ``url = await service_database("pairing")``. They go with the test."""
    made: list[str] = []
    connection = await asyncpg.connect(postgres_admin_url)

    async def make(package: str) -> str:
        template = await asyncio.to_thread(_template, postgres_admin_url, package)
        name = f"test_{uuid.uuid4().hex}"
        made.append(name)
        await connection.execute(f'CREATE DATABASE "{name}" OWNER "{package}" TEMPLATE "{template}"')
        return database_url(postgres_admin_url, package, package, database=name)

    try:
        yield make
        for name in made:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()


@pytest_asyncio.fixture
async def broker_url(backend_servers: Servers) -> AsyncIterator[str]:
    """A vhost of this test's own."""
    vhost = f"test-{uuid.uuid4().hex}"
    async with broker_management(backend_servers) as management:
        await make_vhost(management, vhost)
        yield _with_path(backend_servers.broker, vhost)
        await management.delete(f"/api/vhosts/{vhost}")


@pytest_asyncio.fixture
async def broker_api(backend_servers: Servers) -> AsyncIterator[httpx.AsyncClient]:
    """The broker's management API."""
    async with broker_management(backend_servers) as management:
        yield management


@pytest_asyncio.fixture
async def redis_url(redis_server_url: str) -> AsyncIterator[str]:
    """Redis, emptied before the test. Under xdist each worker has a database of its own."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    url = _with_path(redis_server_url, str(int(worker.removeprefix("gw")) % 16))
    client = Redis.from_url(url)
    try:
        await client.flushdb()
        yield url
    finally:
        await client.aclose()


@pytest_asyncio.fixture
async def start() -> AsyncIterator[Start]:
    """``start(broker.run, publisher.run)``. A component that failed by itself fails the test."""
    tasks: list[asyncio.Future[None]] = []

    def begin(*components: Callable[[], Awaitable[None]]) -> list[asyncio.Future[None]]:
        begun: list[asyncio.Future[None]] = [asyncio.ensure_future(component()) for component in components]
        tasks.extend(begun)
        return begun

    yield begin
    failures = [task.exception() for task in tasks if task.done() and not task.cancelled()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not [failure for failure in failures if failure is not None]


def broker_management(backend_servers: Servers) -> httpx.AsyncClient:
    """A client of the management API."""
    parts = urlsplit(backend_servers.broker_management)
    base = urlunsplit((parts.scheme, f"{parts.hostname}:{parts.port}", "", "", ""))
    return httpx.AsyncClient(base_url=base, auth=(parts.username or "guest", parts.password or "guest"), timeout=30)


async def make_vhost(management: httpx.AsyncClient, vhost: str) -> None:
    """A vhost that the client's own user may use."""
    user = (await management.get("/api/whoami")).raise_for_status().json()["name"]
    (await management.put(f"/api/vhosts/{vhost}")).raise_for_status()
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    (await management.put(f"/api/permissions/{vhost}/{quote(user)}", json=everything)).raise_for_status()


def _template(admin_url: str, package: str) -> str:
    """The name of a migrated database of ``package``, made once for every state of its migrations.

    The name holds a digest of the migrations, so a template that an earlier run left is used again or, when a migration
    has changed, left alone. Workers wait for each other on a file lock.
    """
    digest = hashlib.sha256()
    for path in sorted(migrations_path(package).rglob("*.py")):
        digest.update(path.read_bytes())
    name = f"template_{package}_{digest.hexdigest()[:12]}"
    with _locked(f"{urlsplit(admin_url).port}-{name}"):
        asyncio.run(_make_template(admin_url, package, name))
    return name


async def _make_template(admin_url: str, package: str, name: str) -> None:
    connection = await asyncpg.connect(admin_url)
    try:
        if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate", name):
            return
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await make_role(connection, package, package)
        await make_database(connection, name, owner=package)
        await asyncio.to_thread(migrate, database_url(admin_url, package, package, database=name), package)
        # Marked only now: a run that died halfway leaves no half-made template.
        await connection.execute(f'ALTER DATABASE "{name}" IS_TEMPLATE true')
    finally:
        await connection.close()


@contextlib.contextmanager
def _locked(name: str) -> Iterator[None]:
    directory = Path(tempfile.gettempdir()) / "twotop-test-locks"
    directory.mkdir(exist_ok=True)
    with (directory / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))
