"""Phones: a real WebSocket client that remembers what it was sent, and a bare connection that never answers."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

TIMEOUT_S = 20.0


class TestPhone:
    """Use as ``async with``. ``frames`` is everything it was sent, in order."""

    __test__ = False

    def __init__(self, url: str, session_id: UUID | str, **options: Any) -> None:
        self._connect = connect(
            f"{url.replace('http://', 'ws://')}/ws/sessions/{session_id}",
            compression=None,
            ping_interval=None,
            max_size=None,
            proxy=None,
            **options,
        )
        self.frames: list[dict[str, Any]] = []
        self._read = 0
        self.socket: ClientConnection

    async def __aenter__(self) -> Self:
        self.socket = await self._connect.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connect.__aexit__(kind, error, trace)

    async def say(self, **frame: Any) -> None:
        """Send one frame."""
        await self.socket.send(json.dumps(frame))

    async def auth(self, credential: str, last_seq: int = 0, **more: Any) -> dict[str, Any]:
        """Authenticate, and return hello."""
        await self.say(type="auth", credential=credential, last_seq=last_seq, **more)
        return await self.expect("hello")

    async def command(self, command_id: str, kind: str = "set_ready", **data: Any) -> None:
        await self.say(type="command", command_id=command_id, command={"type": kind, "data": data})

    async def receive(self) -> dict[str, Any]:
        """The next frame."""
        async with asyncio.timeout(TIMEOUT_S):
            frame: dict[str, Any] = json.loads(await self.socket.recv())
        self.frames.append(frame)
        return frame

    async def expect(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next frame of this kind with these fields; others are remembered on the way."""
        while True:
            frame = await self.receive()
            if frame["type"] == kind and all(frame.get(name) == value for name, value in fields.items()):
                return frame

    async def event_of(self, command_id: str) -> dict[str, Any]:
        """Read until the event that acknowledges a command."""
        while True:
            event: dict[str, Any] = (await self.expect("event"))["event"]
            if event["command_id"] == command_id:
                return event

    async def until_seq(self, seq: int) -> list[int]:
        """Read until the event ``seq``; the numbers of all events received so far."""
        while seq not in self.seqs:
            await self.receive()
        return self.seqs

    async def until_presence(self, **statuses: str) -> None:
        """Read until the presence of roles is as given."""
        while True:
            seen = {one["role"]: one["status"] for one in (await self.expect("presence"))["participants"]}
            if all(seen.get(role) == status for role, status in statuses.items()):
                return

    async def close_code(self) -> int:
        """Read to the end; the code with which the gateway closed."""
        try:
            while True:
                await self.receive()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    @property
    def seqs(self) -> list[int]:
        return [frame["event"]["seq"] for frame in self.frames if frame["type"] == "event"]

    @property
    def bye(self) -> str | None:
        return next((frame["reason"] for frame in self.frames if frame["type"] == "bye"), None)


async def bare_phone(url: str, session_id: UUID, credential: str) -> asyncio.StreamWriter:
    """An authenticated phone on a bare TCP connection, live and silent: it answers nothing, pings neither."""
    reader, writer = await asyncio.open_connection("127.0.0.1", _port(url))
    request = [
        f"GET /ws/sessions/{session_id} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ]
    writer.write("\r\n".join([*request, "", ""]).encode())
    await reader.readuntil(b"\r\n\r\n")
    auth = json.dumps({"type": "auth", "credential": credential}).encode()
    writer.write(b"\x81\xfe" + struct.pack("!H", len(auth)) + bytes(4) + auth)
    await asyncio.wait_for(reader.readuntil(b'"presence"'), 30)
    return writer


def narrow_connection(url: str) -> socket.socket:
    """For a phone that takes only a little at a time (``sock=``)."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    narrow.connect(("127.0.0.1", _port(url)))
    narrow.setblocking(False)
    return narrow


def _port(url: str) -> int:
    return int(url.rsplit(":", 1)[1])
