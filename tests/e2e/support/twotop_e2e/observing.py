"""Watching everything a system writes, sends or reports while a test runs: spans, messages, cache, tables, logs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import aiormq
import asyncpg
import httpx
from aiormq.abc import DeliveredMessage
from redis.asyncio import Redis

from twotop_e2e.stack import Stack

TRACE_EXCHANGE = "amq.rabbitmq.trace"


@contextlib.asynccontextmanager
async def everything_published(stack: Stack) -> AsyncIterator[list[bytes]]:
    """Every message that passes the broker, bodies and headers, requests and answers included."""
    seen: list[bytes] = []
    async with _management(stack) as management:
        vhost = quote(urlsplit(stack.broker_url).path.removeprefix("/") or "/", safe="")
        (await management.put(f"/api/vhosts/{vhost}", json={"tracing": True})).raise_for_status()
        connection = await aiormq.connect(stack.broker_url)
        try:
            channel = await connection.channel()
            queue = (await channel.queue_declare("", exclusive=True)).queue or ""
            await channel.queue_bind(queue, TRACE_EXCHANGE, "#")

            async def note(message: DeliveredMessage) -> None:
                seen.append(message.body)
                seen.append(repr(message.header.properties.headers).encode())

            await channel.basic_consume(queue, note, no_ack=True)
            yield seen
        finally:
            (await management.put(f"/api/vhosts/{vhost}", json={"tracing": False})).raise_for_status()
            await connection.close()


async def left_in_queues(stack: Stack) -> list[bytes]:
    """What lies in every queue now, left where it is."""
    found: list[bytes] = []
    async with _management(stack) as management:
        for queue in (await management.get("/api/queues")).raise_for_status().json():
            path = f"/api/queues/{quote(queue['vhost'], safe='')}/{quote(queue['name'], safe='')}/get"
            wanted = {"count": 1_000, "ackmode": "ack_requeue_true", "encoding": "auto"}
            answer = await management.post(path, json=wanted)
            found.append(answer.content)
    return found


def _management(stack: Stack) -> httpx.AsyncClient:
    parts = urlsplit(str(stack.run["backends"]["rabbitmq"]["management_url"]))
    base = urlunsplit((parts.scheme, f"{parts.hostname}:{parts.port}", "", "", ""))
    amqp = urlsplit(stack.broker_url)
    auth = (parts.username or amqp.username or "guest", parts.password or amqp.password or "guest")
    return httpx.AsyncClient(base_url=base, auth=auth, timeout=30)


@contextlib.asynccontextmanager
async def everything_cached(stack: Stack) -> AsyncIterator[list[bytes]]:
    """Every command that Redis is given."""
    seen: list[bytes] = []
    client = Redis.from_url(stack.redis_url)
    try:
        async with client.monitor() as monitor:

            async def listen() -> None:
                async for command in monitor.listen():
                    seen.append(str(command).encode())

            listening = asyncio.create_task(listen())
            yield seen
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    finally:
        await client.aclose()


async def left_in_cache(stack: Stack) -> list[bytes]:
    """Every key of Redis and what it holds."""
    client = Redis.from_url(stack.redis_url)
    found: list[bytes] = []
    try:
        async for key in client.scan_iter():
            found.append(bytes(key))
            kind: Any = await client.type(key)
            read: dict[str, Any] = {
                "string": lambda key=key: client.get(key),
                "hash": lambda key=key: client.hgetall(key),
                "zset": lambda key=key: client.zrange(key, 0, -1),
                "set": lambda key=key: client.smembers(key),
                "list": lambda key=key: client.lrange(key, 0, -1),
            }
            if (holds := read.get(kind.decode())) is not None:
                found.append(repr(await holds()).encode())
    finally:
        await client.aclose()
    return found


async def tables(stack: Stack) -> dict[str, bytes]:
    """Every table of every service, as text and as the bytes in its columns."""
    dumps: dict[str, bytes] = {}
    for service in stack.run["services"]:
        connection = await asyncpg.connect(stack.database_url(service))
        try:
            names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for row in names:
                content = BytesIO()
                for form in ("text", "binary"):
                    await connection.copy_from_table(row["tablename"], output=content, format=form)
                dumps[f"{service}.{row['tablename']}"] = content.getvalue()
        finally:
            await connection.close()
    return dumps
