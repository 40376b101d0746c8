"""The cheapest HTTP and WebSocket clients that will do: on two cores, the load generator must not be what is measured.

One connection carries one request at a time. Sockets mask with zeros, which RFC 6455 allows and which costs nothing.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httptools
import orjson


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, lower-case headers and body of a response."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


class ConnectionLost(Exception):
    """The server closed the connection before it had answered."""


class _HttpConnection(asyncio.Protocol):
    """A keep-alive connection; ``exchange`` must not overlap."""

    def __init__(self) -> None:
        self._transport: Any = None  # uvloop's transports are no subclasses of asyncio's
        self._waiting: asyncio.Future[Answer] | None = None
        self.usable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    async def exchange(self, request: bytes) -> Answer:
        self._waiting = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._transport.write(request)
        return await self._waiting

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self.usable = self.usable and self._parser.should_keep_alive()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(Answer(self._parser.get_status_code(), self._headers, b"".join(self._body)))

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionLost(str(exc or "closed")))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class HttpClient:
    """A pool of keep-alive connections to one origin, as many as there are requests at once."""

    def __init__(self, origin: str) -> None:
        parts = urlsplit(origin)
        assert parts.hostname is not None
        self._host, self._port = parts.hostname, parts.port or 80
        self._free: list[_HttpConnection] = []

    async def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send and wait; ``body`` is made JSON. A connection found dead is replaced once: calls here are repeatable."""
        payload = b"" if body is None else orjson.dumps(body)
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}:{self._port}", f"Content-Length: {len(payload)}"]
        if body is not None:
            lines.append("Content-Type: application/json")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        message = "\r\n".join(lines).encode() + b"\r\n\r\n" + payload
        reused = bool(self._free)
        connection = await self._take()
        try:
            answer = await connection.exchange(message)
        except ConnectionLost:
            if not reused:
                raise
            connection = await self._open()
            answer = await connection.exchange(message)
        if connection.usable:
            self._free.append(connection)
        else:
            connection.close()
        return answer

    async def _take(self) -> _HttpConnection:
        while self._free:
            connection = self._free.pop()
            if connection.usable:
                return connection
        return await self._open()

    async def _open(self) -> _HttpConnection:
        _, connection = await asyncio.get_running_loop().create_connection(_HttpConnection, self._host, self._port)
        return connection

    def close(self) -> None:
        for connection in self._free:
            connection.close()
        self._free.clear()


class Socket(asyncio.Protocol):
    """A WebSocket. ``on_text`` is called with each text frame as it arrives; ``closed`` holds the close code."""

    def __init__(self, on_text: Callable[[bytes], None]) -> None:
        self._on_text = on_text
        self._buffer = bytearray()
        self._upgraded = False
        self._transport: Any = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, origin: str, path: str, on_text: Callable[[bytes], None]) -> Socket:
        """Connect and upgrade. Raises ConnectionLost when the server does not upgrade."""
        parts = urlsplit(origin)
        assert parts.hostname is not None
        loop = asyncio.get_running_loop()
        transport, socket = await loop.create_connection(lambda: cls(on_text), parts.hostname, parts.port or 80)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        transport.write(
            f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nOrigin: {origin}\r\n\r\n".encode()
        )
        await socket.opened
        return socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def send(self, message: Any) -> None:
        """Send as JSON in a text frame."""
        self._frame(0x1, orjson.dumps(message))

    def close(self) -> None:
        """Say goodbye and drop the connection."""
        if not self.closed.done() and self._transport is not None:
            self._frame(0x8, struct.pack("!H", 1000))
            self._transport.close()

    def _frame(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
        else:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
        self._transport.write(head + b"\0\0\0\0" + payload)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            status = bytes(self._buffer[:12])
            del self._buffer[: end + 4]
            if not status.endswith(b"101"):
                self.opened.set_exception(ConnectionLost(status.decode("latin-1")))
                return
            self._upgraded = True
            self.opened.set_result(None)
        while self._take_frame():
            pass

    def _take_frame(self) -> bool:
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        opcode, size, start = buffer[0] & 0x0F, buffer[1] & 0x7F, 2
        if size == 126:
            if len(buffer) < 4:
                return False
            size, start = int.from_bytes(buffer[2:4], "big"), 4
        elif size == 127:
            if len(buffer) < 10:
                return False
            size, start = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < start + size:
            return False
        payload = bytes(buffer[start : start + size])
        del buffer[: start + size]
        if opcode == 0x1:
            self._on_text(payload)
        elif opcode == 0x9:
            self._frame(0xA, payload)
        elif opcode == 0x8 and not self.closed.done():
            self.closed.set_result(int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectionLost(str(exc or "closed")))
        if not self.closed.done():
            self.closed.set_result(1006)
