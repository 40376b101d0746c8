"""Phones of the load generator: they start, join, open sockets and send commands as the guest app does."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson

from bench.wire import Answer, HttpClient, Socket

PATIENCE_S = 10.0


class Unexpected(Exception):
    """An answer that a healthy system does not give."""


@dataclass
class Phone:
    """One participant with its credential, and its socket when open."""

    session_id: str
    participant_id: str
    credential: str
    role: str
    socket: Socket | None = None
    seen: int = 0
    on_event: Callable[[dict[str, Any]], None] | None = None
    on_other: Callable[[dict[str, Any]], None] | None = None
    hello: asyncio.Future[dict[str, Any]] | None = field(default=None, repr=False)

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.credential}"}

    async def open_socket(self, gateway: str) -> None:
        """Open, authenticate, and wait for ``hello``."""
        self.hello = asyncio.get_running_loop().create_future()
        self.socket = await Socket.open(gateway, f"/ws/sessions/{self.session_id}", self._received)
        self.socket.send({"type": "auth", "credential": self.credential, "last_seq": 0})
        self.socket.closed.add_done_callback(self._hung_up)
        async with asyncio.timeout(PATIENCE_S):
            await self.hello

    def send_command(self, kind: str, data: dict[str, Any]) -> str:
        """Send over the socket; returns the command id."""
        assert self.socket is not None
        command_id = uuid4().hex
        self.socket.send({"type": "command", "command_id": command_id, "command": {"type": kind, "data": data}})
        return command_id

    def ping(self) -> None:
        assert self.socket is not None
        self.socket.send({"type": "ping"})

    def _hung_up(self, closed: asyncio.Future[int]) -> None:
        if self.hello is not None and not self.hello.done():
            self.hello.set_exception(Unexpected(f"socket closed with {closed.result()}"))

    def _received(self, text: bytes) -> None:
        message = orjson.loads(text)
        kind = message["type"]
        if kind == "event":
            self.seen = max(self.seen, message["event"]["seq"])
            if self.on_event is not None:
                self.on_event(message["event"])
        elif kind == "hello" and self.hello is not None:
            self.hello.set_result(message)
        elif self.on_other is not None:
            self.on_other(message)


@dataclass
class Pair:
    """A dual session: phone A, and phone B once it has joined."""

    a: Phone
    code: str
    table_token: str
    b: Phone | None = None


def _checked(answer: Answer, *statuses: int) -> Any:
    if answer.status not in statuses:
        raise Unexpected(f"{answer.status}: {answer.body[:300].decode(errors='replace')}")
    return answer.json()


def _phone(session_id: str, participant: dict[str, Any]) -> Phone:
    return Phone(session_id, participant["participant_id"], participant["credential"], participant["role"])


class Restaurant:
    """Guests of one gateway, spread over its tables in turn."""

    def __init__(self, gateway: str, table_tokens: Iterable[str]) -> None:
        self.gateway = gateway
        self.http = HttpClient(gateway)
        self._tables = itertools.cycle(list(table_tokens))

    async def start(self, mode: str) -> Pair:
        """A phone starts a session. The pair has no B yet, and no code when ``mode`` is single."""
        table = next(self._tables)
        answer = await self.http.request(
            "POST",
            "/api/v1/sessions",
            {"table_token": table, "mode": mode, "context": "exploring"},
            {"Idempotency-Key": str(uuid4())},
        )
        body = _checked(answer, 201)
        code = body["pairing"]["code"] if body["pairing"] else ""
        return Pair(_phone(body["session"]["session_id"], body["participant"]), code, table)

    async def join(self, pair: Pair) -> Phone:
        """The second phone enters the code."""
        answer = await self.http.request(
            "POST",
            "/api/v1/sessions/join-dual",
            {"table_token": pair.table_token, "code": pair.code},
            {"Idempotency-Key": str(uuid4())},
        )
        body = _checked(answer, 200)
        pair.b = _phone(body["session"]["session_id"], body["participant"])
        return pair.b

    async def paired(self) -> tuple[Pair, Phone]:
        """A dual session that a second phone has joined; preparation, so "try again" is tried again."""
        pair = await self.start("dual")
        for pause in (0.5, 1, 2, 4, 8):
            try:
                return pair, await self.join(pair)
            except Unexpected:
                await asyncio.sleep(pause)
        return pair, await self.join(pair)

    async def connected_pair(self) -> tuple[Phone, Phone]:
        """A dual session with both phones there and both sockets open."""
        pair, b = await self.paired()
        await pair.a.open_socket(self.gateway)
        await b.open_socket(self.gateway)
        return pair.a, b

    async def look(self, phone: Phone) -> Any:
        """The session as it is: what a polling phone asks now and then."""
        answer = await self.http.request("GET", f"/api/v1/sessions/{phone.session_id}", headers=phone.authorization)
        return _checked(answer, 200)

    async def command(self, phone: Phone, kind: str, data: dict[str, Any]) -> Any:
        """A command over HTTP."""
        answer = await self.http.request(
            "POST",
            f"/api/v1/sessions/{phone.session_id}/events",
            {"idempotency_key": uuid4().hex, "type": kind, "data": data},
            phone.authorization,
        )
        return _checked(answer, 200, 201)

    async def close(self, phone: Phone) -> None:
        """Hang up, and end the session so that its table has room again."""
        if phone.socket is not None:
            phone.socket.close()
        await self.http.request("POST", f"/api/v1/sessions/{phone.session_id}/close", {}, phone.authorization)


async def in_parallel(count: int, width: int, make: Callable[[], Any]) -> list[Any]:
    """``count`` results of ``make()``, at most ``width`` at a time."""
    gate = asyncio.Semaphore(width)

    async def one() -> Any:
        async with gate:
            return await make()

    return await asyncio.gather(*(one() for _ in range(count)))
