"""Many at once: one code has one winner, one key one event, one session one gap-free log."""

from __future__ import annotations

import asyncio
import random
import resource
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
from twotop_e2e.phone import Json, Phone, code_of, new_key, pair
from twotop_e2e.stack import Stack

CROWD = 1_000


@pytest.fixture(autouse=True)
def many_open_files() -> Iterator[None]:
    """A thousand phones are a thousand connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard < 8_192 else max(soft, 8_192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Crowd:
    """As many connections as there are requests, over several clients, because one pool of a thousand is slow."""

    def __init__(self, stack: Stack, size: int = CROWD, clients: int = 25) -> None:
        limits = httpx.Limits(max_connections=size // clients, max_keepalive_connections=size // clients)
        self._clients = [httpx.AsyncClient(base_url=stack.origin, limits=limits, timeout=60) for _ in range(clients)]

    async def __aenter__(self) -> Crowd:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            await client.aclose()

    async def post(self, number: int, path: str, body: Json, headers: dict[str, str]) -> httpx.Response:
        """Send until the answer is not "try again" (503): whoever is told so has not been served yet."""
        client = self._clients[number % len(self._clients)]
        while True:
            answer = await client.post(path, json=body, headers=headers)
            if answer.status_code != 503 and code_of(answer) != "idempotency_in_progress":
                return answer
            await asyncio.sleep(random.uniform(0.1, 0.5))


async def test_of_a_thousand_redemptions_of_one_code_exactly_one_becomes_b(stack: Stack) -> None:
    table = stack.fresh_table()
    async with Phone(stack) as a, Crowd(stack) as crowd:
        await a.start(table, context="exploring")
        answers = await asyncio.gather(
            *(
                crowd.post(
                    number,
                    "/api/v1/sessions/join-dual",
                    {"table_token": table, "code": a.code},
                    {"Idempotency-Key": new_key()},
                )
                for number in range(CROWD)
            )
        )
        outcomes = Counter((answer.status_code, code_of(answer)) for answer in answers)
        assert outcomes == {(200, None): 1, (409, "already_paired"): CROWD - 1}, outcomes
        winner = next(answer for answer in answers if answer.status_code == 200).json()["participant"]

        async with asyncio.timeout(10):
            joined: list[str] = []
            while not joined:
                page = await a.events(1, wait=5)
                joined = [e["data"]["participant_id"] for e in page["events"] if e["type"] == "partner_joined"]
        assert joined == [winner["participant_id"]]
        assert [e["type"] for e in await a.all_events()].count("partner_joined") == 1
        await a.close_session()


async def test_a_thousand_appends_with_one_key_are_one_event(stack: Stack) -> None:
    a, b = await pair(stack)
    async with a, b, Crowd(stack) as crowd:
        before = (await a.session())["last_seq"]
        key = new_key()
        answers = await asyncio.gather(
            *(
                crowd.post(
                    number,
                    f"/api/v1/sessions/{a.session_id}/events",
                    {"idempotency_key": key, "type": "set_ready", "data": {"ready": True}},
                    {"Authorization": f"Bearer {a.credential}"},
                )
                for number in range(CROWD)
            )
        )
        statuses = Counter(answer.status_code for answer in answers)
        assert set(statuses) <= {200, 201}, Counter(answer.text for answer in answers if answer.status_code > 201)
        assert statuses[201] == 1
        assert {answer.json()["event_seq"] for answer in answers} == {before + 1}
        assert sum(not answer.json()["replayed"] for answer in answers) == 1
        assert (await a.session())["last_seq"] == before + 1
        other = await a.try_command("set_ready", {"ready": False}, key=key)
        assert (other.status_code, code_of(other)) == (409, "idempotency_mismatch")
        await a.close_session()


async def test_two_hundred_writers_on_one_session_leave_no_gap(stack: Stack) -> None:
    async with Phone(stack) as a, Crowd(stack) as crowd:
        await a.start(stack.fresh_table(), mode="single")
        acknowledged: dict[int, str] = {}

        async def write(writer: int) -> None:
            for turn in range(5):
                key = f"writer-{writer}-{turn}"
                context = ("exploring", "established", "mature")[(writer + turn) % 3]
                answer = await crowd.post(
                    writer,
                    f"/api/v1/sessions/{a.session_id}/events",
                    {"idempotency_key": key, "type": "choose_context", "data": {"context": context}},
                    {"Authorization": f"Bearer {a.credential}"},
                )
                assert answer.status_code in (200, 201), answer.text
                for event in answer.json()["events"]:
                    assert acknowledged.setdefault(event["seq"], key) == key, "two writers got one number"

        await asyncio.gather(*(write(writer) for writer in range(200)))
        stored = await a.all_events()
        assert [event["seq"] for event in stored] == list(range(1, len(stored) + 1))
        assert {event["seq"]: event["command_id"] for event in stored[1:]} == acknowledged
        snapshot = await a.snapshot()
        assert snapshot["last_seq"] == len(stored)
        chosen = [event["data"]["context"] for event in stored if event["type"] == "context_chosen"]
        assert snapshot["state"]["context"] == chosen[-1]
        await a.close_session()


async def test_what_a_version_expected_does_not_find_is_refused_with_what_is_there(stack: Stack) -> None:
    a, b = await pair(stack)
    async with a, b:
        answer = await a.try_command("set_ready", {"ready": True}, expected_seq=1)
        assert (answer.status_code, code_of(answer)) == (409, "seq_conflict")
        assert answer.json()["current"]["last_seq"] == 2
        await a.close_session()
