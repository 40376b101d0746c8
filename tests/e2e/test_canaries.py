"""Secrets and addresses planted in a full run turn up nowhere; one trace follows a command to the other phone.

The scan itself is tested too: it finds what is planted in each form that a place may have, and what must be there (a
session's id in tables and messages) is found by the same means.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncIterator, Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import websockets
from twotop_e2e.following import PollingFollower, SocketFollower
from twotop_e2e.observing import everything_cached, everything_published, left_in_cache, left_in_queues, tables
from twotop_e2e.phone import Json, Phone, new_key
from twotop_e2e.stack import LIFTED, Stack, private_stack
from websockets.asyncio.client import connect

from twotop_common.testing.eventually import eventually
from twotop_common.testing.otlp import OtlpReceiver, otlp_receiver

FOLLOWING = {"session-api", "realtime-gateway"}
"""Whoever carries an event from the log to the other phone."""
ANSWER = "answer not revealed"


@dataclass
class Canaries:
    """What must not be found anywhere, by what it is."""

    planted: dict[str, set[re.Pattern[bytes]]] = field(default_factory=dict)

    def plant(self, kind: str, *values: str) -> None:
        """Values so long that they stand nowhere by chance."""
        self._plant(kind, *(re.escape(value) for value in values if value))

    def plant_code(self, kind: str, code: str) -> None:
        """Six letters, with their dash or bare: they may stand in any random text, so only as a word of their own."""
        self._plant(kind, rf"(?<![A-Za-z0-9]){code[:3]}[- ]?{code[-3:]}(?![A-Za-z0-9])")

    def _plant(self, kind: str, *patterns: str) -> None:
        compiled = (re.compile(pattern.encode(), re.IGNORECASE) for pattern in patterns)
        self.planted.setdefault(kind, set()).update(compiled)

    def found_in(self, place: str, content: bytes) -> list[str]:
        """Which kinds are found; never the value itself, which would then be in the report."""
        return [
            f"{kind} in {place}"
            for kind, patterns in self.planted.items()
            if any(pattern.search(content) for pattern in patterns)
        ]


@pytest.mark.parametrize(
    "content",
    [
        b"1\tQQQWWZ\n",
        b"QQQWWZ\t2",
        b"\x00\x00\x00\x06QQQWWZ\xff",
        b"code:QQQWWZ",
        b"code:QQQWWZ:3",
        b"SET code=QQQWWZ",
        b"/nowhere/QQQWWZ?x=1",
        b'{"code": "qqqwwz"}',
        b"b'QQQWWZ'",
        b"typed QQQ-WWZ here",
        b"qqq wwz",
        b"code_QQQWWZ_1",
    ],
)
def test_the_scan_finds_a_code_in_table_cells_cache_keys_paths_and_words(content: bytes) -> None:
    canaries = Canaries()
    canaries.plant_code("code", "QQQ-WWZ")
    assert canaries.found_in("place", content) == ["code in place"]


@pytest.mark.parametrize("content", [b"aQQQWWZ", b"QQQWWZ9", b"kid.QQQWWZx0.eyJ", b"QQQ--WWZ", b"QQQWWX"])
def test_the_scan_takes_no_part_of_a_longer_word_for_a_code(content: bytes) -> None:
    canaries = Canaries()
    canaries.plant_code("code", "QQQ-WWZ")
    assert canaries.found_in("place", content) == []


def test_the_scan_finds_a_key_within_a_longer_one() -> None:
    canaries = Canaries()
    canaries.plant("idempotency key", "a+key/of.22-or-more?ok")
    assert canaries.found_in("table", b"id\trenew:A+key/of.22-or-more?ok\t") == ["idempotency key in table"]


@pytest.fixture(scope="module")
def receiver() -> Iterator[OtlpReceiver]:
    with otlp_receiver() as receiving:
        yield receiving


@pytest.fixture(scope="module")
def observed(state_folder: Path, receiver: OtlpReceiver) -> Iterator[Stack]:
    """A system that says as much as it can: every span, every debug line; with limits, so that addresses count."""
    settings = {
        "TWOTOP_OTLP_ENDPOINT": receiver.endpoint,
        "TWOTOP_TRACE_SAMPLE_RATIO": "1",
        "TWOTOP_LOG_LEVEL": "DEBUG",
        "TWOTOP_RATE_LIMITS_ENABLED": "true",
    }
    with private_stack(state_folder / "observed", gateways=2, settings={**LIFTED, **settings}) as stack:
        yield stack


def forged(number: int) -> dict[str, str]:
    """What a client may claim about its address."""
    return {
        "X-Forwarded-For": f"203.0.113.{number}, 198.51.100.{number}",
        "X-Real-IP": f"203.0.113.{number}",
        "Forwarded": f'for=203.0.113.{number};by="198.51.100.{number}"',
        "X-Twotop-Client": f"203.0.113.{number}",
        "User-Agent": "canary-browser/7.77",
        "Cookie": "canary=cookie-canary-cookie",
    }


def planted_phone(stack: Stack, canaries: Canaries, number: int) -> Phone:
    """A phone on an address of its own that lies about it in every header."""
    phone = Phone(stack, address=f"127.77.8.{number}", headers=forged(number))
    canaries.plant("client address", f"127.77.8.{number}", f"203.0.113.{number}", f"198.51.100.{number}")
    canaries.plant("browser", "canary-browser", "cookie-canary")
    return phone


def plant_secrets(canaries: Canaries, phone: Phone) -> None:
    canaries.plant("credential", phone.credential, phone.credential.split(".")[-1])
    if phone.code:
        canaries.plant_code("code", phone.code)
        canaries.plant("join secret", phone.join_secret.partition(".")[2])


async def a_whole_evening(stack: Stack, canaries: Canaries) -> str:
    """Everything guests do, mistakes included, each with secrets worth looking for. The first session's id."""
    a, b, c, d, e = (planted_phone(stack, canaries, number) for number in range(11, 16))
    async with a, b, c, d, e:
        table = stack.fresh_table()
        key, join_key, renewal_key = new_key(), new_key(), new_key()
        canaries.plant("idempotency key", key, join_key, renewal_key)
        created = (await a.try_start(table, key=key, context="exploring")).json()
        a.session_id = created["session"]["session_id"]
        a.participant_id, a.credential = created["participant"]["participant_id"], created["participant"]["credential"]
        a.code, a.join_url = created["pairing"]["code"], created["pairing"]["join_url"]
        plant_secrets(canaries, a)
        await b.try_join(table, code="QQQ-WWZ")
        canaries.plant_code("typed code", "QQQ-WWZ")
        await b.join(table, key=join_key, code=a.code)
        plant_secrets(canaries, b)
        async with SocketFollower(a) as on_a, PollingFollower(b) as on_b:
            await on_a.until_type("partner_joined")
            await on_a.command("set_ready", {"ready": True})
            await b.command("set_ready", {"ready": True})
            await on_b.until_type("both_ready")
        await answer_that_waits(a, b, canaries)
        await careless_requests(stack, a, canaries)

        # A second pair, by link, after a code was withdrawn and replaced; a credential is renewed.
        await c.start(table, context="established")
        plant_secrets(canaries, c)
        for _ in range(5):
            await e.try_join(table, code="ZZZ-ZZW")
        canaries.plant_code("typed code", "ZZZ-ZZW")
        path = f"/api/v1/sessions/{c.session_id}/pairing-code"
        replaced = await c.until_answered(
            lambda: c.request("POST", path, headers={"Idempotency-Key": "replace-key-canary-0123456789"})
        )
        canaries.plant("idempotency key", "replace-key-canary-0123456789")
        c.code, c.join_url = replaced.json()["code"], replaced.json()["join_url"]
        plant_secrets(canaries, c)
        await d.join(table, join_secret=c.join_secret)
        plant_secrets(canaries, d)
        renewed = await d.until_answered(
            lambda: d.request(
                "POST", f"/api/v1/sessions/{d.session_id}/credential", headers={"Idempotency-Key": renewal_key}
            )
        )
        assert renewed.status_code == 200, renewed.text
        d.credential = renewed.json()["credential"]
        plant_secrets(canaries, d)
        await c.close_session()
        return a.session_id


async def answer_that_waits(a: Phone, b: Phone, canaries: Canaries) -> None:
    """A's answer to an open question, which B does not answer."""

    async def question() -> Json:
        card: Json = (await a.snapshot())["state"]["play"]["question"]
        return card

    card = await question()
    texts = await a.question_set(card)
    while texts[card["question_id"]]["kind"] != "open":
        for phone in (a, b):
            await phone.command("request_next")
        card = await question()
    answer = "beneath-the-canary-lighthouse"
    canaries.plant(ANSWER, answer)
    await a.command("give_answer", {"question_id": card["question_id"], "answer": answer})


async def careless_requests(stack: Stack, a: Phone, canaries: Canaries) -> None:
    """Requests that are refused, or are wrong in ways that tempt a server to write them down."""
    for path in (f"/api/v1/sessions/{a.session_id}/events", "/api/v1/sessions/join-dual", "/api/v1/sessions"):
        await a.http.post(path, content=b'{"code": "' + a.code.encode() + b'", "credential": ')
        await a.http.post(path, json={"code": {"nested": a.code}, "table_token": 7, "idempotency_key": a.credential})
        await a.http.post(path, json={"code": a.code, "table_token": "t", "leaving_credential": [a.credential]})
    await a.http.get("/api/v1/sessions/not-a-session", headers={"Authorization": f"Bearer {a.credential}x"})
    await a.http.get(f"/nowhere/{a.code}", params={"credential": a.credential})
    await a.try_command("no_such_command", {"code": a.code, "credential": a.credential})
    bad = secrets.token_urlsafe(40)
    canaries.plant("credential", bad)
    for query, credential in ((f"?credential={a.credential}", bad), ("", bad)):
        with contextlib.suppress(websockets.WebSocketException, OSError):
            async with connect(
                stack.socket_url(a.session_id) + query,
                proxy=None,
                local_addr=("127.77.8.11", 0),
                additional_headers=forged(11) | {"Authorization": f"Bearer {credential}"},
            ) as socket:
                await asyncio.wait_for(socket.recv(), 5)


@pytest.mark.timeout(240)
async def test_secrets_and_addresses_are_found_nowhere(observed: Stack, receiver: OtlpReceiver) -> None:
    canaries = Canaries()
    async with everything_published(observed) as messages, everything_cached(observed) as cache_commands:
        session_id = await a_whole_evening(observed, canaries)
        # Followed to the end, so that everything that is sent has been sent.
        await eventually(lambda: any(session_id.encode() in message for message in messages))
        await eventually(lambda: any(b"session.ended" in message for message in messages))
        before = len(receiver.raw)
        await eventually(lambda: len(receiver.raw) > before, timeout_s=15)
    dumps = await tables(observed)
    places: dict[str, bytes] = {
        "messages": b"\n".join(messages),
        "queues": b"\n".join(await left_in_queues(observed)),
        "cache commands": b"\n".join(cache_commands),
        "cache": b"\n".join(await left_in_cache(observed)),
        "traces": b"\n".join(receiver.raw),
        **{f"table {name}": content for name, content in dumps.items()},
        **{f"log {name}": content for name, content in observed.logs()},
    }
    # The scan sees what is there to be seen.
    assert session_id.encode() in places["messages"]
    assert session_id.encode() in places["table session-api.session_events"]
    assert len(places["cache commands"]) > 100
    assert any(b"service.starting" in content for name, content in places.items() if name.startswith("log "))
    assert set(canaries.planted) >= {"code", "credential", "join secret", "client address", "idempotency key", ANSWER}

    found = {finding for place, content in places.items() for finding in canaries.found_in(place, content)}
    # An answer is kept in the log and in what the log folds to, and nowhere else.
    assert found == {f"{ANSWER} in table session-api.{kept}" for kept in ("session_events", "session_heads")}


async def test_one_trace_follows_a_command_to_the_other_phone(observed: Stack, receiver: OtlpReceiver) -> None:
    table = observed.fresh_table()
    async with Phone(observed) as a, Phone(observed) as b:
        await a.start(table, context="exploring")
        async with SocketFollower(a) as on_a:
            await on_a.until_type("session_created")
            async with traced(receiver, "POST /api/v1/sessions/join-dual", {"pairing", *FOLLOWING}):
                await b.join(table, code=a.code)
                await on_a.until_type("partner_joined")
            async with traced(receiver, "POST /api/v1/sessions/{session_id}/events", FOLLOWING):
                await b.command("set_ready", {"ready": True})
                await on_a.until_type("ready_changed")
        await a.close_session()


@contextlib.asynccontextmanager
async def traced(receiver: OtlpReceiver, request: str, services: Set[str]) -> AsyncIterator[None]:
    """A block with one such request; afterwards all of ``services`` have a part in its trace, which hangs together."""

    def begun() -> set[str]:
        return {span.trace_id for span in receiver.spans if span.name == request and not span.parent_id}

    def whole(trace_id: str) -> bool:
        spans = receiver.trace(trace_id)
        known = {"", *(span.span_id for span in spans)}
        return services <= {span.service for span in spans} and all(span.parent_id in known for span in spans)

    earlier = begun()
    yield
    await eventually(lambda: any(whole(trace_id) for trace_id in begun() - earlier), timeout_s=15)


async def test_a_problem_names_its_trace_which_is_never_a_guests(observed: Stack, receiver: OtlpReceiver) -> None:
    own = secrets.token_hex(16)
    async with Phone(observed) as phone:
        answer = await phone.http.get(
            "/api/v1/tables/nobody-printed-this", headers={"traceparent": f"00-{own}-00f067aa0ba902b7-01"}
        )
    assert answer.status_code == 404
    trace_id = answer.json()["trace_id"]
    await eventually(lambda: receiver.trace(trace_id), timeout_s=15)
    assert not receiver.trace(own)
