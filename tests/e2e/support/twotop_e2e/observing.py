"""Watching everything a system writes, sends or reports while a test runs: spans, messages, cache, tables, logs."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import aiormq
import asyncpg
import httpx
from aiormq.abc import DeliveredMessage
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from redis.asyncio import Redis

from twotop_e2e.stack import Stack

TRACE_EXCHANGE = "amq.rabbitmq.trace"


@dataclass(frozen=True)
class Span:
    """One span as a service exported it."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str


@dataclass
class Receiver:
    """An OTLP receiver in this process; ``raw`` is every export as it came."""

    url: str
    raw: list[bytes] = field(default_factory=list)

    def spans(self, trace_id: str) -> list[Span]:
        """What has come of one trace so far."""
        return [span for body in list(self.raw) for span in _read(body) if span.trace_id == trace_id]


def _read(body: bytes) -> Iterator[Span]:
    for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = next(a.value.string_value for a in of_resource.resource.attributes if a.key == "service.name")
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield Span(service, span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())


@contextlib.contextmanager
def otlp_receiver() -> Iterator[Receiver]:
    """Listens on a free loopback port until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.raw.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(url=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()


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
