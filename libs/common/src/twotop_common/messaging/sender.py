"""Fire and forget on one channel, at the cost of a buffer append.

aiormq spends a lock, a timeout and a queue hop on each publish and acknowledgement. Here the frames of everything sent
in one turn of the loop go out as one write, and frames that repeat are encoded once.

Invariants: what one channel sends leaves in the order of the calls. Nothing waits and nothing raises: when the broker
does not read, the buffer fills up and ``send`` answers False. Acknowledgements are never dropped; losing the channel
loses them all, and the broker delivers again.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct

import pamqp.frame
from aiormq.abc import AbstractChannel, ChannelFrame
from pamqp import commands as spec
from pamqp.header import ContentHeader

MAX_PENDING = 5_000
_MAX_CACHED = 1_024
_METHOD, _BODY, _END = 1, 3, b"\xce"
_ACK = struct.Struct(">BHIHHQBB")
_BODY_HEAD = struct.Struct(">BHI")


class UnconfirmedSender:
    """Sends on ``channel`` without confirms. ``run`` it as long as the channel lives."""

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self._number = channel.number
        self._pending: list[bytes] = []
        self._filled = asyncio.Event()
        self._idle = asyncio.Event()
        self._frame_size = getattr(channel, "max_content_size", 131_000)
        self._publish_frames: dict[tuple[str, str], bytes] = {}

    def send(self, *, exchange: str, routing_key: str, body: bytes, properties: spec.Basic.Properties) -> bool:
        """Buffer one message. False when it was dropped."""
        if len(self._pending) >= MAX_PENDING or self._channel.is_closed:
            return False
        number = self._number
        header = pamqp.frame.marshal(ContentHeader(properties=properties, body_size=len(body)), number)
        frames = [self._publish_frame(exchange, routing_key), header]
        for start in range(0, len(body), self._frame_size):
            part = body[start : start + self._frame_size]
            frames += (_BODY_HEAD.pack(_BODY, number, len(part)), part, _END)
        self._pending.append(b"".join(frames))
        self._filled.set()
        return True

    def acknowledge(self, delivery_tag: int) -> None:
        """Buffer the acknowledgement of one delivery."""
        # Size 13: class 60 (basic), method 80 (ack), tag, no flags.
        self._pending.append(_ACK.pack(_METHOD, self._number, 13, 60, 80, delivery_tag, 0, _END[0]))
        self._filled.set()

    def _publish_frame(self, exchange: str, routing_key: str) -> bytes:
        frame = self._publish_frames.get((exchange, routing_key))
        if frame is None:
            frame = pamqp.frame.marshal(spec.Basic.Publish(exchange=exchange, routing_key=routing_key), self._number)
            if len(self._publish_frames) < _MAX_CACHED:
                self._publish_frames[exchange, routing_key] = frame
        return frame

    async def drained(self, timeout_s: float) -> bool:
        """Wait until nothing is buffered. False when it took too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._pending or not self._idle.is_set():
                    await self._idle.wait()
                    await asyncio.sleep(0)
                return True
        return False

    async def run(self) -> None:
        """Write what is buffered until cancelled or the channel is gone."""
        connection = self._channel.connection
        while not self._channel.is_closed:
            if not self._pending:
                self._idle.set()
            await self._filled.wait()
            self._filled.clear()
            self._idle.clear()
            payload = b"".join(self._pending)
            self._pending.clear()
            drained = self._channel.create_future()
            await connection.write_queue.put(ChannelFrame(payload=payload, should_close=False, drain_future=drained))
            await drained
