"""One WebSocket as the gateway needs it: synchronous writes, a count of what is unsent, our close codes, a hard end.

uvicorn's protocol stays in charge of the handshake, of parsing and of ASGI ``receive``. Added is what ASGI cannot do:

- ``push`` writes at once when the phone keeps up, and queues when it does not. There is no writer task per socket, and
  one phone's backlog is never awaited by the code that delivers to the others.
- What is unsent beyond the limit ends that phone alone: the backlog is dropped, the close frame becomes next, and a
  phone that does not even read that is cut off a few seconds later.
- Messages beyond the size limit end with the contract's 4413 in place of the protocol's 1009.
- On shutdown the phone hears ``bye`` before 1012.
- ``line`` knows when the phone was last heard of: any byte from it counts, pongs and parts of messages too.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any, Protocol, cast

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from realtime_gateway.domain.closing import Closing
from realtime_gateway.domain.limits import MAX_UNSENT_BYTES
from realtime_gateway.domain.silence import Line
from realtime_gateway.schemas import bye_frame
from realtime_gateway.slim import Gate, Mailbox

EXTENSION = "twotop.wire"
CLOSE_TIMEOUT_S = 5.0
PING = Frame(Opcode.PING, b"").serialize(mask=False)


class Wire(Protocol):
    """What the rest of the gateway may do with a socket."""

    @property
    def closing(self) -> Closing | None:
        """Why this side closed it; None while it is open or when the phone closed it."""

    @property
    def line(self) -> Line:
        """When the phone was heard of, and what it was sent since then."""

    def push(self, payload: bytes, *, heartbeat: bool = False) -> bool:
        """Send a text message, or queue it. False when the socket is closed or was just closed as too slow.

        An answer to a ``heartbeat`` is no news: nobody asks later whether it arrived.
        """

    def ask(self) -> bool:
        """Send a protocol ping. False when it would have to wait behind unsent bytes, or the socket is closed."""

    def shut(self, closing: Closing) -> None:
        """Say why, close, and cut off a phone that does not answer within seconds. Harmless when already closed."""

    def settle(self) -> None:
        """The handshake is over for good: let go of what only it needed."""

    async def drained(self) -> None:
        """Returns when the phone has taken nearly everything that was pushed, or is lost."""


class _Parser(ServerProtocol):
    """Gives an oversized message the contract's close code."""

    def fail(self, code: CloseCode | int, reason: str = "") -> None:
        if code == CloseCode.MESSAGE_TOO_BIG:
            super().fail(Closing.TOO_LARGE.code, Closing.TOO_LARGE.reason)
        else:
            super().fail(code, reason)


class GatewayProtocol(WebSocketsSansIOProtocol):
    """See the module."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = _Parser(max_size=config.ws_max_size, logger=self.logger)
        self.queue = cast("asyncio.Queue[Any]", Mailbox())
        self.writable = cast(asyncio.Event, Gate())
        self.writable.set()
        self._line = Line(time.monotonic())
        self._closing: Closing | None = None
        self._backlog: deque[bytes] | None = None
        self._backlog_bytes = 0

    # -- Wire

    @property
    def closing(self) -> Closing | None:
        return self._closing

    @property
    def line(self) -> Line:
        return self._line

    def push(self, payload: bytes, *, heartbeat: bool = False) -> bool:
        if not self._open:
            return False
        if not heartbeat:
            self._line.tell(time.monotonic(), len(payload))
        frame = Frame(Opcode.TEXT, payload).serialize(mask=False)
        if self._backlog is None and self.writable.is_set():
            self.transport.write(frame)
            return True
        if self._backlog is None:
            self._backlog = deque()
        self._backlog.append(frame)
        self._backlog_bytes += len(frame)
        if self._backlog_bytes + self.transport.get_write_buffer_size() <= MAX_UNSENT_BYTES:
            return True
        self.shut(Closing.TOO_SLOW)
        return False

    def ask(self) -> bool:
        if not self._open or self._backlog is not None or self.transport.get_write_buffer_size():
            return False
        self.transport.write(PING)
        return True

    def shut(self, closing: Closing) -> None:
        if not self._open:
            return
        self._closing = closing
        self.queue.put_nowait({"type": "websocket.disconnect", "code": closing.code, "reason": closing.reason})
        if closing is Closing.TOO_SLOW and self._backlog is not None:
            self._backlog.clear()
        last_words = [Frame(Opcode.TEXT, bye_frame(closing.reason)).serialize(mask=False)]
        self.conn.send_close(closing.code, closing.reason)
        last_words += self.conn.data_to_send()
        if self._backlog is None:
            self.transport.write(b"".join(last_words))
        else:
            self._backlog.extend(last_words)
        self._finish_closing()

    def settle(self) -> None:
        # Headers, scope and response would otherwise live as long as the socket, at several kB each.
        cast(dict[str, Any], self.scope).clear()
        self.client = self.server = None
        del self.request, self.response

    async def drained(self) -> None:
        await self.writable.wait()

    @property
    def _open(self) -> bool:
        return not (self.close_sent or self.disconnected) and self.conn.state is State.OPEN

    # -- uvicorn's protocol

    def data_received(self, data: bytes) -> None:
        self._line.hear(time.monotonic())
        super().data_received(data)

    def resume_writing(self) -> None:
        super().resume_writing()
        while self._backlog and self.writable.is_set():
            frame = self._backlog.popleft()
            self._backlog_bytes -= len(frame)
            self.transport.write(frame)
        if not self._backlog:
            self._backlog = None
            self._backlog_bytes = 0

    def shutdown(self) -> None:
        if self.handshake_complete and not self.close_sent:
            self.stop_keepalive()
            self.shut(Closing.RESTARTING)
        else:
            super().shutdown()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            cast(dict[str, Any], self.scope["extensions"])[EXTENSION] = self

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        if self.transport.get_write_buffer_size():
            # A phone that says goodbye but reads nothing would keep its buffers for as long as it likes.
            self.loop.call_later(CLOSE_TIMEOUT_S, self.transport.abort)

    def handle_parser_exception(self) -> None:
        close = self.conn.close_sent
        if close is None or close.code != Closing.TOO_LARGE.code:
            super().handle_parser_exception()
        elif not self.close_sent:
            self._closing = Closing.TOO_LARGE
            self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})
            self.transport.write(b"".join(self.conn.data_to_send()))
            # What is still arriving is read and thrown away: closing over unread data would reset the connection
            # and the phone would never learn the code.
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self._finish_closing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._backlog = None
        super().connection_lost(exc)

    def _finish_closing(self) -> None:
        self.close_sent = True
        if self.read_paused:
            # The answer to our close frame must be read.
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(CLOSE_TIMEOUT_S, self.transport.abort)
