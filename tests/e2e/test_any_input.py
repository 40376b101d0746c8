"""No input brings a 5xx (the documented 503 apart) or a broken socket: every OpenAPI path, and frames of any kind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import websockets
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from twotop_e2e.following import SocketFollower
from twotop_e2e.phone import pair
from twotop_e2e.stack import Stack
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

EXAMPLES = 60
CLOSES = frozenset({1000, 1001, 1009, 1012, 1013, 4401, 4403, 4404, 4408, 4409, 4410, 4413, 4429, 4508})


def document(service: str) -> dict[str, Any]:
    """A service's OpenAPI document, as it prints it."""
    printed = subprocess.run(
        [str(Path(sys.executable).parent / service), "openapi"], capture_output=True, text=True, check=True
    )
    openapi: dict[str, Any] = json.loads(printed.stdout)
    return openapi


def operations(service: str) -> list[Any]:
    schema: Any = schemathesis.openapi.from_dict(document(service))
    found = [result.ok() for result in schema.get_all_operations()]
    return [pytest.param(operation, id=f"{service} {operation.label}") for operation in found]


async def paired(stack: Stack) -> tuple[str, str]:
    a, b = await pair(stack)
    await a.http.aclose()
    await b.http.aclose()
    return a.session_id, a.credential


@pytest.mark.timeout(180)
@pytest.mark.parametrize("operation", [*operations("session-api"), *operations("pairing")])
def test_no_input_brings_an_undocumented_5xx(stack: Stack, operation: Any) -> None:
    session_id, credential = asyncio.run(paired(stack))

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), known=st.booleans(), admitted=st.booleans())
    def ask(case: Any, known: bool, admitted: bool) -> None:
        # Half of the requests get past the door, to a session that exists. Long waits would be no news.
        if known and "session_id" in (case.path_parameters or {}):
            case.path_parameters["session_id"] = session_id
        if case.query and "wait" in case.query:
            case.query["wait"] = 0
        answer = case.call(
            base_url=stack.origin, headers={"Authorization": f"Bearer {credential}"} if admitted else None, timeout=40
        )
        assert answer.status_code < 500 or answer.status_code == 503, (answer.status_code, answer.text)
        if answer.status_code >= 400:
            problem = answer.json()
            assert problem["code"]
            assert problem["status"] == answer.status_code
            assert "Traceback" not in answer.text

    ask()


async def close_code(socket: ClientConnection) -> int | None:
    """Read what still comes, all of it JSON, until the socket is closed; None when it was torn down without a word."""
    async with asyncio.timeout(15):
        while True:
            try:
                json.loads(await socket.recv())
            except websockets.ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else None


def frames(rng: random.Random, credential: str) -> Iterator[str | bytes]:
    """Rubbish of every kind: no JSON, other JSON, nearly right frames, binary, much too large."""
    good: list[Any] = [
        {"type": "auth", "credential": credential, "last_seq": 0},
        {"type": "command", "command_id": "fuzz", "command": {"type": "set_ready", "data": {"ready": True}}},
        {"type": "ping"},
    ]
    strange: list[Any] = [None, -1, 2**70, 1e308, "", "\x00", "\ud800", [], {}, True, "x" * 300, {"a": [{}] * 50}]
    yield from ("", "{", "null", "[]", '"text"', "\x00", "{" * 500, "[" * 5_000, '{"type":"command"}', b"", b"\xff\x00")
    while True:
        frame = json.loads(json.dumps(rng.choice(good)))
        holder, key = frame, rng.choice(list(frame))
        if isinstance(frame[key], dict) and rng.random() < 0.7:
            holder, key = frame[key], rng.choice(list(frame[key]))
        match rng.randrange(5):
            case 0:
                holder[key] = rng.choice(strange)
            case 1:
                del holder[key]
            case 2:
                holder["".join(rng.choices(string.printable, k=8))] = rng.choice(strange)
            case 3:
                text = list(json.dumps(frame))
                text[rng.randrange(len(text))] = rng.choice(string.printable)
                yield "".join(text)
                continue
            case 4:
                yield rng.randbytes(rng.randrange(1, 200))
                continue
        yield json.dumps(frame)


@pytest.mark.parametrize("seed", range(12))
async def test_frames_of_any_kind_end_in_a_documented_way(stack: Stack, seed: int) -> None:
    rng = random.Random(seed)
    a, b = await pair(stack)
    async with a, b, SocketFollower(b) as on_b:
        await on_b.until_type("partner_joined")
        for authenticated in (False, True, True):
            async with connect(stack.socket_url(a.session_id), compression=None, proxy=None) as socket:
                with contextlib.suppress(websockets.ConnectionClosed):
                    if authenticated:
                        await socket.send(json.dumps({"type": "auth", "credential": a.credential, "last_seq": 0}))
                    for frame, _ in zip(frames(rng, a.credential), range(25), strict=False):
                        await socket.send(frame)
                        # Slowly enough that most are read before the limit on rubbish closes the socket.
                        await asyncio.sleep(0.02)
                    await socket.send("x" * 70_000)
                assert await close_code(socket) in CLOSES
        # The gateway and the partner's socket are as they were.
        assert "event" in await on_b.command("set_ready", {"ready": True})
        assert not on_b.closes
        assert not on_b.broken
        async with SocketFollower(a) as on_a:
            await on_a.until_seq(on_b.last_seq)
        await a.close_session()


async def test_a_socket_that_never_authenticates_is_closed(stack: Stack) -> None:
    a, b = await pair(stack)
    async with a, b, connect(stack.socket_url(a.session_id), proxy=None) as socket:
        assert await close_code(socket) == 4408
        await a.close_session()


async def test_a_foreign_origin_opens_no_socket(stack: Stack) -> None:
    a, b = await pair(stack)
    async with a, b:
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with connect(stack.socket_url(a.session_id), origin=Origin("https://elsewhere.example"), proxy=None):
                raise AssertionError("a foreign page was let in")
        assert refused.value.response.status_code == 403
        async with connect(stack.socket_url(a.session_id), origin=Origin(stack.origin), proxy=None) as socket:
            await socket.send(json.dumps({"type": "auth", "credential": a.credential, "last_seq": 0}))
            assert json.loads(await socket.recv())["type"] == "hello"
        await a.close_session()


async def test_a_newer_socket_replaces_the_older_one(stack: Stack) -> None:
    a, b = await pair(stack)
    async with a, b:
        auth = json.dumps({"type": "auth", "credential": a.credential, "last_seq": 0})
        async with connect(stack.socket_url(a.session_id), proxy=None) as first:
            await first.send(auth)
            assert json.loads(await first.recv())["type"] == "hello"
            async with connect(stack.socket_url(a.session_id), proxy=None) as second:
                await second.send(auth)
                assert json.loads(await second.recv())["type"] == "hello"
                assert await close_code(first) == 4409
        await a.close_session()
