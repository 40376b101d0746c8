"""Rate limits by themselves (X3), on a system where they are not lifted; forged headers change nothing."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from twotop_e2e.phone import Phone, code_of, pair
from twotop_e2e.stack import Stack, private_stack

from twotop_common.testing.eventually import eventually

FORGED = {
    "X-Forwarded-For": "198.51.100.{}",
    "X-Real-IP": "198.51.100.{}",
    "Forwarded": "for=198.51.100.{}",
    "X-Twotop-Client": "198.51.100.{}",
}
_addresses = (f"127.9.{third}.{fourth}" for third, fourth in itertools.product(range(1, 250), range(1, 250)))


@pytest.fixture(scope="module")
def limited(state_folder: Path) -> Iterator[Stack]:
    """A system as guests meet it: with limits."""
    with private_stack(state_folder / "limited", settings={}) as stack:
        yield stack


@pytest.fixture
def address() -> str:
    """A client's address that no other test uses."""
    return next(_addresses)


def verdicts(answers: list[httpx.Response]) -> Counter[tuple[int, str | None]]:
    return Counter((answer.status_code, code_of(answer)) for answer in answers)


async def test_ten_sessions_a_minute_for_one_address_at_one_table(limited: Stack, address: str) -> None:
    table = limited.fresh_table()
    async with Phone(limited, address=address) as phone, Phone(limited, address=next(_addresses)) as neighbour:
        answers = [await phone.try_start(table, mode="single") for _ in range(11)]
        assert [answer.status_code for answer in answers] == [201] * 10 + [429]
        assert code_of(answers[-1]) == "rate_limited"
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
        elsewhere = await phone.try_start(limited.fresh_table(), mode="single")
        assert elsewhere.status_code == 201, "another table is another limit"
        other = await neighbour.try_start(table, mode="single")
        assert (other.status_code, code_of(other)) == (429, "table_session_limit"), "another address is another limit"


async def test_five_joins_a_minute_for_one_address_at_one_table(limited: Stack, address: str) -> None:
    table = limited.fresh_table()
    async with Phone(limited, address=address) as phone, Phone(limited, address=next(_addresses)) as neighbour:
        answers = [await phone.try_join(table, code="BBBBBB") for _ in range(6)]
        assert verdicts(answers) == {(404, "code_invalid"): 5, (429, "rate_limited"): 1}
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
        assert (await neighbour.try_join(table, code="BBBBBB")).status_code == 404


async def test_what_a_client_says_about_its_address_changes_nothing(limited: Stack, address: str) -> None:
    table = limited.fresh_table()
    async with Phone(limited, address=address) as phone:
        answers = []
        for number in range(7):
            headers = {name: value.format(number) for name, value in FORGED.items()}
            answers.append(
                await phone.http.post(
                    "/api/v1/sessions/join-dual",
                    json={"table_token": table, "code": "BBBBBB"},
                    headers={**headers, "Idempotency-Key": f"forged-headers-{number:020}"},
                )
            )
        assert verdicts(answers) == {(404, "code_invalid"): 5, (429, "rate_limited"): 2}


async def test_sixty_requests_a_minute_for_one_participant(limited: Stack) -> None:
    a, b = await pair(limited)
    async with a, b:
        answers = await asyncio.gather(
            *(a.request("GET", f"/api/v1/sessions/{a.session_id}/snapshot") for _ in range(70))
        )
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(refused) in range(10, 13), "60 in all, the few it took to get here included"
        assert code_of(refused[0]) == "rate_limited"
        assert int(refused[0].headers["Retry-After"]) >= 1
        assert (await b.snapshot())["last_seq"] >= 2, "the partner has a limit of its own"


async def test_sixty_joins_a_minute_for_one_address_whatever_the_table(limited: Stack, address: str) -> None:
    async with Phone(limited, address=address) as phone:
        answers: list[httpx.Response] = []
        for _ in range(13):
            table = limited.fresh_table()
            answers += await asyncio.gather(*(phone.try_join(table, code="BBBBBB") for _ in range(5)))
        counted = verdicts(answers)
        assert counted == {(404, "code_invalid"): 60, (429, "rate_limited"): 5}


async def test_six_hundred_a_minute_for_one_address(limited: Stack, address: str) -> None:
    async with Phone(limited, address=address) as phone:
        answers: list[httpx.Response] = []
        for _ in range(31):
            answers += await asyncio.gather(*(phone.try_start("nobody-printed-this", mode="single") for _ in range(20)))
        # The table's own limit of ten refuses first; the address is counted all the same.
        table = limited.fresh_table()
        refused = await phone.try_start(table, mode="single")
        assert (refused.status_code, code_of(refused)) == (429, "rate_limited")
        async with Phone(limited, address=next(_addresses)) as neighbour:
            assert (await neighbour.try_start(table, mode="single")).status_code == 201


async def test_without_redis_each_instance_limits_by_itself_and_nothing_breaks(limited: Stack, address: str) -> None:
    table = limited.fresh_table()
    limited.hold("redis")
    try:
        async with Phone(limited, address=address) as phone:
            answers = [await phone.try_join(table, code="BBBBBB") for _ in range(6)]
            assert verdicts(answers) == {(404, "code_invalid"): 5, (429, "rate_limited"): 1}
            a, b = await pair(limited)
            async with a, b:
                await a.command("set_ready", {"ready": True})
                await b.command("set_ready", {"ready": True})
                assert "both_ready" in [event["type"] for event in await a.all_events()]
                assert not a.unexpected + b.unexpected
    finally:
        limited.release("redis")
        await limited.reachable("redis")


async def test_the_flag_switches_pairing_off_and_on_without_a_restart(limited: Stack) -> None:
    a, b = await pair(limited)
    async with a, b, Phone(limited, address=next(_addresses)) as newcomer, Phone(limited) as late:

        async def starting_is(status: int, code: str | None) -> bool:
            answer = await newcomer.try_start(limited.fresh_table())
            return (answer.status_code, code_of(answer)) == (status, code)

        async def joining_is(status: int, code: str) -> bool:
            answer = await late.try_join(limited.fresh_table(), code="BBBBBB")
            return (answer.status_code, code_of(answer)) == (status, code)

        limited.operate("flags", "set", "DUAL_PAIRING_CODE_ENABLED", "off")
        try:
            await eventually(lambda: starting_is(503, "pairing_disabled"), interval_s=0.3)
            await eventually(lambda: joining_is(503, "pairing_disabled"), interval_s=0.3)
            await a.command("set_ready", {"ready": True})
            await b.command("set_ready", {"ready": True})
            assert "both_ready" in [event["type"] for event in await a.all_events()], "existing pairs go on"
        finally:
            limited.operate("flags", "set", "DUAL_PAIRING_CODE_ENABLED", "on")
        await eventually(lambda: starting_is(201, None), interval_s=0.3)
        await eventually(lambda: joining_is(404, "code_invalid"), interval_s=0.3)
