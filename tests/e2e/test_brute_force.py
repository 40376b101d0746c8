"""Guessing codes over the whole system: what withdraws a code, what shuts typing off, and what survives a crash."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import httpx
from twotop_e2e.following import SocketFollower
from twotop_e2e.phone import Phone, code_of, new_key
from twotop_e2e.stack import Stack

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"


def wrong(code: str, rng: random.Random) -> str:
    """Six letters that are not the code."""
    while (guess := "".join(rng.choices(ALPHABET, k=6))) == code.replace("-", ""):
        pass
    return guess


async def guess(phone: Phone, table: str, *, times: int, at_once: int = 1) -> Counter[str | None]:
    """Try wrong codes, ``at_once`` side by side; 503 is no verdict and is tried again."""
    rng = random.Random(times)
    verdicts: Counter[str | None] = Counter()

    async def try_one() -> None:
        while True:
            answer = await phone.try_join(table, code=wrong(phone.code, rng))
            assert answer.status_code < 500 or answer.status_code == 503, answer.text
            if answer.status_code != 503:
                verdicts[code_of(answer)] += 1
                return

    while (left := times - sum(verdicts.values())) > 0:
        await asyncio.gather(*(try_one() for _ in range(min(at_once, left))))
    return verdicts


async def test_the_fifth_wrong_code_withdraws_the_code_and_leaves_the_table(stack: Stack) -> None:
    table = stack.fresh_table()
    async with Phone(stack) as a, Phone(stack) as other, Phone(stack) as b:
        await a.start(table, context="exploring")
        assert await guess(other, table, times=5) == {"code_invalid": 5}
        async with SocketFollower(a) as on_a:
            expired = await on_a.until_type("pairing_expired")
            assert expired["data"]["reason"] == "withdrawn"
            late = await b.try_join(table, code=a.code)
            assert (late.status_code, code_of(late)) == (410, "code_expired")

            answer = await a.request(
                "POST", f"/api/v1/sessions/{a.session_id}/pairing-code", headers={"Idempotency-Key": new_key()}
            )
            assert answer.status_code == 201, answer.text
            assert answer.json()["code"] != a.code
            await on_a.until_type("pairing_code_replaced")
            await b.join(table, code=answer.json()["code"])
            await on_a.until_type("partner_joined")
        async with Phone(stack) as neighbour, Phone(stack) as partner:
            await neighbour.start(table, context="mature")
            await partner.join(table, code=neighbour.code)
            await neighbour.close_session()
        await a.close_session()


async def test_wrong_tries_are_counted_across_restarts_of_anything(stack: Stack) -> None:
    table = stack.fresh_table()
    async with Phone(stack) as a, Phone(stack) as other, Phone(stack) as b:
        await a.start(table, context="exploring")
        await guess(other, table, times=4)
        for backend in ("redis", "postgres"):
            await asyncio.to_thread(stack.hold, backend, kill=True)
            await asyncio.to_thread(stack.release, backend)
            await stack.reachable(backend)
        before = stack.kill("pairing")
        await stack.back("pairing", 0, before)
        await stack.all_ready()
        assert await guess(other, table, times=1) == {"code_invalid": 1}
        async with SocketFollower(a) as on_a:
            await on_a.until_type("pairing_expired")
        assert (await b.try_join(table, code=a.code)).status_code == 410
        await a.close_session()


async def test_a_hundred_wrong_codes_shut_typed_codes_off_but_not_the_link(stack: Stack) -> None:
    table = stack.fresh_table()
    async with Phone(stack) as other, Phone(stack) as a, Phone(stack) as b, Phone(stack) as c:
        verdicts = await guess(other, table, times=60, at_once=10)
        before = stack.kill("pairing")
        await stack.back("pairing", 0, before)
        verdicts += await guess(other, table, times=45, at_once=5)
        assert verdicts["code_invalid"] == 100
        assert verdicts["too_many_attempts"] == 5
        await a.start(table, context="exploring")
        typed = await b.try_join(table, code=a.code)
        assert (typed.status_code, code_of(typed)) == (429, "too_many_attempts")
        assert int(typed.headers["Retry-After"]) > 0
        await c.join(table, join_secret=a.join_secret)
        assert c.session_id == a.session_id
        await a.close_session()


async def test_guesses_at_once_are_all_counted(stack: Stack) -> None:
    table = stack.fresh_table()
    async with Phone(stack) as a, Phone(stack) as other:
        await a.start(table, context="exploring")
        rng = random.Random(7)
        answers: list[httpx.Response] = await asyncio.gather(
            *(other.try_join(table, code=wrong(a.code, rng)) for _ in range(12))
        )
        assert {code_of(answer) for answer in answers} <= {"code_invalid", "unavailable"}
        assert sum(code_of(answer) == "code_invalid" for answer in answers) >= 5
        assert code_of(await other.try_join(table, code=a.code)) == "code_expired"
        await a.close_session()
