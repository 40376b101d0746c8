"""ASGI translation: ``/ws/sessions/{id}`` for phones; everything else goes to the HTTP app.

Plain ASGI. Query parameters are never read. A browser from a foreign origin is refused before the handshake.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from uuid import UUID

from realtime_gateway import metrics
from realtime_gateway.domain.closing import Closing
from realtime_gateway.errors import SocketRefused
from realtime_gateway.phone import Phone
from realtime_gateway.rooms import Room
from realtime_gateway.sockets import Sockets
from realtime_gateway.wire import EXTENSION, Wire
from twotop_common.contracts.socket_frames import AuthFrame
from twotop_common.service_defaults.logging import get_logger

log = get_logger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]

_PATH = re.compile(r"^/ws/sessions/([^/]+)$")


class SocketApp:
    """The service's ASGI app."""

    def __init__(self, http: AsgiApp, sockets: Sockets, *, origins: frozenset[str], auth_timeout_s: float) -> None:
        self._http = http
        self._sockets = sockets
        self._origins = origins
        self._auth_timeout_s = auth_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._http(scope, receive, send)
            return
        headers = _headers(scope["headers"])
        path = _PATH.match(scope["path"])
        origin = headers.get(b"origin")
        await receive()
        if path is None or (origin is not None and origin.decode("latin-1") not in self._origins):
            # A close before the handshake is an HTTP 403.
            metrics.ADMISSIONS.labels("origin" if path is not None else "path").inc()
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept"})
        wire: Wire = scope["extensions"][EXTENSION]
        authorization = headers.get(b"authorization")
        try:
            opened = await self._open(wire, path[1], authorization, receive)
        except SocketRefused as refused:
            wire.shut(refused.closing)
        else:
            if opened is not None:
                wire.settle()
                del headers, authorization, path, origin
                await self._serve(*opened, receive)
        metrics.CLOSES.labels(str(wire.closing.code) if wire.closing else "1000").inc()

    async def _open(
        self, wire: Wire, session: str, authorization: bytes | None, receive: Receive
    ) -> tuple[Room, Phone] | None:
        """The admitted phone, None when it went away before saying anything. Raises SocketRefused."""
        try:
            session_id = UUID(session)
        except ValueError:
            raise SocketRefused(Closing.NO_SESSION) from None
        if authorization is not None:
            scheme, _, credential = authorization.decode("latin-1").partition(" ")
            if scheme.lower() != "bearer":
                raise SocketRefused(Closing.BAD_CREDENTIAL)
            auth = AuthFrame(type="auth", credential=credential.strip())
        else:
            try:
                async with asyncio.timeout(self._auth_timeout_s):
                    message = await receive()
            except TimeoutError:
                raise SocketRefused(Closing.SILENT) from None
            if message["type"] == "websocket.disconnect":
                return None
            auth = self._sockets.read_auth(message.get("text"))
        claims = self._sockets.authenticate(session_id, auth.credential)
        return await self._sockets.open(wire, claims, auth)

    async def _serve(self, room: Room, phone: Phone, receive: Receive) -> None:
        try:
            while True:
                message = await receive()
                if message["type"] == "websocket.disconnect":
                    return
                text = message.get("text")
                if text is None:
                    self._sockets.on_bytes(phone)
                else:
                    self._sockets.on_text(room, phone, text)
        finally:
            self._sockets.end(room, phone)


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    return {name.lower(): value for name, value in raw if name.lower() in (b"origin", b"authorization")}
