"""What PostgreSQL can append on this machine: pgbench, with the shape of one append in one statement.

A scratch database on the same server: a head that moves by one, a log row, and the row that remembers the command. The
statement guards ``last_seq`` as the store does. Prepared statements, so that planning is not counted.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from bench.open_loop import Latencies

DATABASE = "twotop_bench_limit"
SESSIONS = 2_000
SCHEMA = """
CREATE TABLE heads (session_id int PRIMARY KEY, last_seq int NOT NULL, state jsonb NOT NULL) WITH (fillfactor = 50);
CREATE TABLE log (session_id int, seq int, type text NOT NULL, data jsonb NOT NULL, at timestamptz NOT NULL,
  PRIMARY KEY (session_id, seq));
CREATE TABLE commands (session_id int, key text, body_hash bytea NOT NULL, first_seq int, last_seq int,
  PRIMARY KEY (session_id, key));
"""
SEED = "INSERT INTO heads SELECT n, 0, '{}' FROM generate_series(1, $1) n"
STATE = '{"mode": "dual", "context": "exploring", "state": "browsing", "ready": {"A": true, "B": false}, "members": 2}'
APPEND = """
WITH head AS (
  UPDATE heads SET last_seq = last_seq + 1, state = '$STATE' WHERE session_id = $SESSION RETURNING session_id, last_seq
), command AS (
  INSERT INTO commands SELECT session_id, gen_random_uuid()::text, '\\x00112233', last_seq, last_seq FROM head
)
INSERT INTO log SELECT session_id, last_seq, 'ready_changed', '{"ready": true}', now() FROM head
""".strip().replace("$STATE", STATE)


def scratch_url(admin_url: str) -> str:
    """The address of the scratch database on the server of ``admin_url``."""
    return urlunsplit(urlsplit(admin_url)._replace(path=f"/{DATABASE}"))


class Scratch:
    """The scratch database, as an async context."""

    def __init__(self, admin_url: str) -> None:
        self._admin_url = admin_url
        self.url = scratch_url(admin_url)

    async def __aenter__(self) -> Scratch:
        await self._admin(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", f"CREATE DATABASE {DATABASE}")
        connection = await asyncpg.connect(self.url)
        await connection.execute(SCHEMA)
        await connection.execute(SEED, SESSIONS)
        await connection.close()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._admin(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")

    async def _admin(self, *statements: str) -> None:
        connection = await asyncpg.connect(self._admin_url)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()


async def pgbench(url: str, clients: int, seconds: int) -> float:
    """Appends per second with this many clients. Raises RuntimeError when pgbench is not there or fails."""
    program = _program()
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(f"\\set session random(1, {SESSIONS})\n" + APPEND.replace("$SESSION", ":session") + ";\n")
        script.flush()
        process = await asyncio.create_subprocess_exec(
            *(program, "--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=2", f"--time={seconds}"),
            *(f"--file={script.name}", url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
    found = re.search(r"tps = ([\d.]+)", out.decode())
    if process.returncode != 0 or found is None:
        raise RuntimeError(f"pgbench: {err.decode()[-500:]}")
    return float(found[1])


def _program() -> str:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), reverse=True)
    program = shutil.which("pgbench") or (str(installed[0]) if installed else None)
    if program is None:
        raise RuntimeError("pgbench is not installed")
    return program


async def one_by_one(url: str, count: int) -> Latencies:
    """Latency of one append at a time from asyncpg: the hop to PostgreSQL and its disk."""
    connection = await asyncpg.connect(url)
    statement = await connection.prepare(APPEND.replace("$SESSION", "$1"))
    latencies = Latencies(offered=count)
    for number in range(count):
        began = time.perf_counter()
        await statement.fetch(1 + number % SESSIONS)
        latencies.seconds.append(time.perf_counter() - began)
    await connection.close()
    return latencies


async def durability(url: str) -> str:
    """The settings that make a commit durable, as the server has them."""
    connection = await asyncpg.connect(url)
    values = [str(await connection.fetchval(f"SHOW {name}")) for name in ("fsync", "synchronous_commit")]
    await connection.close()
    return f"fsync {values[0]}, synchronous_commit {values[1]}"
