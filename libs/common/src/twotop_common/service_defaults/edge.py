"""The edge of every HTTP service: what comes in is bounded and readable, what goes out is counted, and whatever goes
wrong is a problem document.

One pure ASGI layer instead of several, and no ``BaseHTTPMiddleware``: that alone costs two thirds of the throughput.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from twotop_common.service_defaults.database import looks_unavailable
from twotop_common.service_defaults.logging import get_logger
from twotop_common.service_defaults.metrics import observe_request
from twotop_common.service_defaults.problems import (
    PROBLEM_MEDIA_TYPE,
    Problem,
    invalid_field,
    invalid_request,
    unavailable,
)
from twotop_common.service_defaults.telemetry import (
    SpanKind,
    continue_from,
    correlation_id,
    new_correlation_id,
    span,
    trace_id_of,
)

log = get_logger(__name__)

MAX_BODY_BYTES = 64 * 1024
API = "/api/"
CURRENT = "/api/v1/"
_QUIET_PATHS = frozenset({"/health", "/health/live", "/health/ready", "/health/detailed", "/metrics"})
# An escape is one only after an even number of backslashes.
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def trace_id() -> str:
    """The id that problem documents and logs of the present request or message carry."""
    return correlation_id.get() or new_correlation_id()


class Edge:
    """Correlation, limits, version prefix, metrics and problem documents around an ASGI application."""

    def __init__(self, app: ASGIApp, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "websocket":
            token = correlation_id.set(new_correlation_id())
            try:
                await self.app(scope, receive, send)
            finally:
                correlation_id.reset(token)
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(API) and not path.startswith(CURRENT):
            path = CURRENT + path[len(API) :]
            scope["path"] = path
            scope["raw_path"] = path.encode("utf-8", "surrogateescape")
        headers = _Headers(scope["headers"])
        if path in _QUIET_PATHS:
            await self._answer(scope, headers, receive, send)
            return
        with continue_from(headers.traceparent), span(f"{scope['method']} request", kind=SpanKind.SERVER) as current:
            token = correlation_id.set(trace_id_of(headers.traceparent) or new_correlation_id())
            started = time.perf_counter()
            status = 500
            try:
                status = await self._answer(scope, headers, receive, send)
            finally:
                route = _route_of(scope, path)
                observe_request(route, scope["method"], status, time.perf_counter() - started)
                if current is not None:
                    current.update_name(f"{scope['method']} {route}")
                    current.set_attribute("http.response.status_code", status)
                correlation_id.reset(token)

    async def _answer(self, scope: Scope, headers: _Headers, receive: Receive, send: Send) -> int:
        status = 0

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            _check_address(scope)
            if headers.has_body:
                receive = _replay(await self._read(headers, receive), receive)
            await self.app(scope, receive, counted)
        except Exception as error:
            if status:
                # The head has gone out; the server can only break the connection off.
                log.exception("http.failed_midway", status=status)
                raise
            problem = _as_problem(error)
            status = problem.status
            await send_problem(send, problem)
        return status

    async def _read(self, headers: _Headers, receive: Receive) -> bytes:
        limit = self.max_body_bytes
        if headers.content_length > limit:
            raise _too_large(limit)
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise invalid_request("The request ended early.")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            chunks.append(chunk)
            if not message.get("more_body", False):
                break
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if body and headers.is_json:
            check_json(body)
        return body


class _Headers:
    """The few request headers that the edge looks at, read in one pass."""

    __slots__ = ("content_length", "has_body", "is_json", "traceparent")

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self.content_length = 0
        self.has_body = False
        self.is_json = True
        self.traceparent: str | None = None
        for name, value in raw:
            if name == b"content-length":
                self.content_length = int(value) if value.isdigit() else 0
                self.has_body = self.has_body or self.content_length > 0
            elif name == b"transfer-encoding":
                self.has_body = True
            elif name == b"content-type":
                self.is_json = b"json" in value.lower()
            elif name == b"traceparent":
                self.traceparent = value.decode("latin-1")


def check_json(body: bytes) -> None:
    """Refuse what is no JSON (numbers that are not finite, half surrogates, other encodings) and any U+0000.

    PostgreSQL stores no U+0000, and a number that is none would reach a column as one. Raises Problem 400 or 422.
    """
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        raise invalid_request("The body is not JSON.") from None
    if b"\\u0000" in body and _ESCAPED_NUL.search(body):
        raise invalid_field("body", "contains U+0000")


async def send_problem(send: Send, problem: Problem) -> None:
    """Answer an HTTP request with a problem document."""
    body = problem.body(trace_id())
    headers = [
        (b"content-type", PROBLEM_MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *((name.lower().encode(), value.encode()) for name, value in problem.headers.items()),
    ]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _check_address(scope: Scope) -> None:
    if "\x00" in scope["path"]:
        raise invalid_field("path", "contains U+0000")
    if b"%00" in scope["query_string"]:
        raise invalid_field("query", "contains U+0000")


def _as_problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if looks_unavailable(error):
        log.warning("http.unavailable", error=type(error).__name__)
        return unavailable()
    log.error("http.failed", exc_info=error)
    return Problem(500, "internal", "Something went wrong on our side.")


def _route_of(scope: Scope, path: str) -> str:
    """The template of the matched path. A router included under a prefix knows its path only from there on."""
    template = getattr(scope.get("route"), "path", None)
    if template is None:
        return "unmatched"
    prefix = CURRENT.rstrip("/") if path.startswith(CURRENT) and not template.startswith(CURRENT) else ""
    return f"{prefix}{template}"


def _too_large(limit: int) -> Problem:
    # The rest of the body is not read, so the connection cannot be used again.
    return Problem(413, "too_large", f"The body is larger than {limit} bytes.", headers={"Connection": "close"})


def _replay(body: bytes, receive: Receive) -> Receive:
    pending: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        message: Message = pending.pop() if pending else await receive()
        return message

    return replayed
