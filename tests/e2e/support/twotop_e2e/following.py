"""Following a session's log by socket or by polling, the way the web app does, and noticing every broken promise."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import httpx
import websockets
from websockets.asyncio.client import ClientConnection, connect

from twotop_e2e.phone import Json, Phone, new_key

FINAL_CLOSES = frozenset({4401, 4403, 4404, 4410})
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 1.0
HEARTBEAT_S = 5.0


class Follower(ABC):
    """What one phone has seen of the log. ``broken`` lists every promise that was not kept."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.seen: list[Json] = []
        self.seen_at: dict[int, float] = {}
        self.broken: list[str] = []
        self.last_seq = 0
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Any:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @abstractmethod
    async def _run(self) -> None:
        """Take in what comes, until cancelled."""

    def _take(self, event: Json) -> None:
        seq = event["seq"]
        if seq != self.last_seq + 1:
            self.broken.append(f"seq {seq} came after {self.last_seq}")
        self.seen.append(event)
        self.seen_at[seq] = time.monotonic()
        self.last_seq = seq

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, probe: Callable[[], Any], *, timeout_s: float = 15, what: str = "") -> Any:
        """Wait until ``probe`` is truthy, looking after each thing that arrives."""
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                while not (found := probe()):
                    await self._changed.wait()
                return found
        except TimeoutError:
            types = [event["type"] for event in self.seen]
            raise AssertionError(f"{what or 'never happened'}; seen {types}, {self.state}") from None

    async def until_type(self, type_: str, *, timeout_s: float = 15) -> Json:
        """The newest event of this type, once there is one."""
        found: Json = await self.until(
            lambda: next((event for event in reversed(self.seen) if event["type"] == type_), None),
            timeout_s=timeout_s,
            what=f"no {type_}",
        )
        return found

    async def until_seq(self, seq: int, *, timeout_s: float = 15) -> None:
        await self.until(lambda: self.last_seq >= seq, timeout_s=timeout_s, what=f"seq {seq} never came")

    @property
    def state(self) -> str:
        return f"last seq {self.last_seq}"


class PollingFollower(Follower):
    """Snapshot, then events by cursor with long-poll: a phone without WebSockets."""

    def __init__(self, phone: Phone, *, wait_s: float = 5.0, snapshot_first: bool = False) -> None:
        super().__init__(phone)
        self._wait_s = wait_s
        self._snapshot_first = snapshot_first
        self.first_snapshot: Json | None = None

    async def _run(self) -> None:
        if self._snapshot_first:
            self.first_snapshot = await self.phone.snapshot()
            self.last_seq = self.first_snapshot["last_seq"]
            await self._notify()
        while True:
            page = await self.phone.events(self.last_seq, wait=self._wait_s)
            for event in page["events"]:
                self._take(event)
            if page["next_cursor"] != self.last_seq:
                self.broken.append(f"cursor {page['next_cursor']} after seq {self.last_seq}")
            await self._notify()


class SocketFollower(Follower):
    """A phone's socket, reconnecting by itself from its last seq; commands are sent again until acknowledged.

    ``through``: the origin of a proxy in front of the system.
    """

    def __init__(
        self, phone: Phone, *, last_seq: int = 0, epoch: str | None = None, through: str | None = None
    ) -> None:
        super().__init__(phone)
        self._through = through
        self.last_seq = last_seq
        self.epoch = epoch
        self.hellos: list[Json] = []
        self.closes: list[int] = []
        self.resyncs: list[Json] = []
        self.presence: dict[str, str] = {}
        self.answers: dict[str, Json] = {}
        self.ended = False
        self._connection: ClientConnection | None = None
        self._pending: dict[str, Json] = {}

    @property
    def state(self) -> str:
        return f"last seq {self.last_seq}, closes {self.closes}, hellos {len(self.hellos)}, broken {self.broken}"

    @property
    def connected(self) -> bool:
        return self._connection is not None

    async def drop(self) -> None:
        """Lose the connection, as a phone in a lift does; it reconnects by itself."""
        if self._connection is not None:
            self._connection.transport.abort()

    async def command(
        self, type_: str, data: Json | None = None, *, command_id: str | None = None, timeout_s: float = 40
    ) -> Json:
        """Send a command over the socket until it is answered: ``{"event"}``, ``{"accepted"}`` or ``{"rejected"}``."""
        command_id = command_id or new_key()
        frame = {"type": "command", "command_id": command_id, "command": {"type": type_, "data": data or {}}}
        self._pending[command_id] = frame
        await self._send(frame)
        try:
            while True:
                answer: Json = await self.until(
                    lambda: self.answers.get(command_id), timeout_s=timeout_s, what=f"no answer to {type_}"
                )
                problem = answer.get("rejected", {}).get("problem", {})
                if problem.get("status") != 503:
                    return answer
                del self.answers[command_id]
                await asyncio.sleep(0.3)
                await self._send(frame)
        finally:
            self._pending.pop(command_id, None)

    async def _send(self, frame: Json) -> None:
        if self._connection is not None:
            with contextlib.suppress(websockets.ConnectionClosed):
                await self._connection.send(json.dumps(frame))

    async def _run(self) -> None:
        pause = FIRST_PAUSE_S
        while not self.ended:
            began = time.monotonic()
            try:
                await self._connect_and_follow()
            except (OSError, websockets.InvalidHandshake, websockets.InvalidMessage, TimeoutError, EOFError):
                pass
            except websockets.ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else 1006
                self.closes.append(code)
                self.ended = code in FINAL_CLOSES
            finally:
                self._connection = None
            await self._notify()
            pause = FIRST_PAUSE_S if time.monotonic() - began > 2 else min(pause * 2, LONGEST_PAUSE_S)
            await asyncio.sleep(pause)

    async def _connect_and_follow(self) -> None:
        url = self.phone.stack.socket_url(self.phone.session_id, through=self._through)
        local = (self.phone.address, 0) if self.phone.address else None
        async with connect(
            url, compression=None, open_timeout=5, close_timeout=1, ping_interval=None, proxy=None, local_addr=local
        ) as connection:
            auth: Json = {"type": "auth", "credential": self.phone.credential, "last_seq": self.last_seq}
            if self.epoch is not None:
                auth["epoch"] = self.epoch
            await connection.send(json.dumps(auth))
            silent_since = pinged_at = time.monotonic()
            while True:
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        frame = json.loads(await connection.recv())
                    silent_since = time.monotonic()
                except TimeoutError:
                    # A connection that died without a word is found by the heartbeat.
                    if time.monotonic() - silent_since > 2.5 * HEARTBEAT_S:
                        raise
                    frame = None
                if time.monotonic() - pinged_at > HEARTBEAT_S:
                    pinged_at = time.monotonic()
                    await connection.send('{"type":"ping"}')
                if frame is not None:
                    await self._on_frame(connection, frame)

    async def _on_frame(self, connection: ClientConnection, frame: Json) -> None:
        match frame["type"]:
            case "hello":
                self.hellos.append(frame)
                self.epoch = frame["epoch"]
                self._connection = connection
                for pending in list(self._pending.values()):
                    await self._send(pending)
            case "event":
                event = frame["event"]
                self._take(event)
                if event["command_id"] is not None and event["by"] == self.phone.participant_id:
                    self.answers.setdefault(event["command_id"], {"event": event})
            case "accepted":
                self.answers[frame["command_id"]] = {"accepted": frame}
            case "rejected" if frame["command_id"] is not None:
                self.answers[frame["command_id"]] = {"rejected": frame}
            case "resync":
                self.resyncs.append(frame)
                await self._resync(frame)
            case "presence":
                self.presence = {p["participant_id"]: p["status"] for p in frame["participants"]}
        await self._notify()

    async def _resync(self, frame: Json) -> None:
        """Go on from the told number, in the history that the log belongs to now."""
        self.last_seq = frame["last_seq"]
        with contextlib.suppress(httpx.HTTPError):
            self.epoch = (await self.phone.events(self.last_seq, limit=1))["epoch"]
