"""Races: whatever comes together with a redemption, exactly one of them happens, and everyone is told which."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from pairing_testing.house import CODE_LIFE, Instance, Seated, Table, code_of, open_instance, wrong_codes

from twotop_common.contracts.pairing import (
    PairingCancelled,
    PairingCodeReplaced,
    PairingExpired,
    PairingMatched,
)
from twotop_common.testing.fakes import Clock

pytestmark = pytest.mark.integration
ROUNDS = 12


async def test_a_thousand_redemptions_of_one_code_admit_exactly_one_phone(database_url: str) -> None:
    clock = Clock()
    async with open_instance(database_url, clock) as one, open_instance(database_url, clock) as two:
        seated = await one.seat(Table.new())
        attempts = [
            code_of(
                (one, two)[number % 2].join(seated.table_token, seated.code)
                if number % 10
                else (one, two)[number % 20 // 10].join_by_link(seated.table_token, seated.join_secret)
            )
            for number in range(1000)
        ]
        assert Counter(await asyncio.gather(*attempts)) == {"ok": 1, "already_paired": 999}
        assert len(await one.published(PairingMatched)) == 1
        assert await one.wrong_tries() == 0


async def test_a_thousand_repeats_of_one_request_get_one_answer(database_url: str) -> None:
    clock = Clock()
    async with open_instance(database_url, clock) as one, open_instance(database_url, clock) as two:
        seated = await one.seat(Table.new())
        answers = await asyncio.gather(
            *(
                (one, two)[number % 2].join(seated.table_token, seated.code, key="the-same-key-22-characters")
                for number in range(200)
            )
        )
        assert len({answer.model_dump_json() for answer in answers}) == 1
        assert len(await one.published(PairingMatched)) == 1


Rival = Callable[[Instance, Seated], Awaitable[object]]


async def _redeem_against(
    instance: Instance, rival: Instance, act: Rival, *, before: timedelta = timedelta()
) -> list[tuple[str, str, Seated]]:
    outcomes = []
    for number in range(ROUNDS):
        seated = await instance.seat(Table.new())
        instance.clock.now += before
        redeem = (
            instance.join(seated.table_token, seated.code)
            if number % 3
            else instance.join_by_link(seated.table_token, seated.join_secret)
        )
        attempts = [code_of(redeem), code_of(act(rival, seated))]
        if number % 2:
            attempts.reverse()
        done = await asyncio.gather(*attempts)
        if number % 2:
            done.reverse()
        outcomes.append((done[0], done[1], seated))
    return outcomes


@pytest.fixture
async def rival(database_url: str, instance: Instance) -> object:
    """Another instance on the same database and clock."""
    async with open_instance(database_url, instance.clock) as opened:
        yield opened


async def test_redeem_against_going_alone(instance: Instance, rival: Instance) -> None:
    for redeemed, cancelled, seated in await _redeem_against(instance, rival, lambda other, it: other.alone(it)):
        assert (redeemed, cancelled) in {("ok", "already_paired"), ("code_expired", "ok")}
        status = (await instance.row(seated))["status"]
        assert status == ("paired" if redeemed == "ok" else "cancelled")
    facts = await instance.published(PairingMatched, PairingCancelled)
    assert len(facts) == len({fact.model_dump()["session_id"] for fact in facts}) == ROUNDS


async def test_redeem_against_a_new_code(instance: Instance, rival: Instance) -> None:
    for redeemed, replaced, seated in await _redeem_against(instance, rival, lambda other, it: other.new_code(it)):
        assert (redeemed, replaced) in {("ok", "already_paired"), ("code_expired", "ok")}
        row = await instance.row(seated)
        assert (row["status"], row["generation"]) == (("paired", 1) if redeemed == "ok" else ("waiting", 2))
    facts = await instance.published(PairingMatched, PairingCodeReplaced)
    assert len(facts) == len({fact.model_dump()["session_id"] for fact in facts}) == ROUNDS


async def test_redeem_against_expiry(instance: Instance, rival: Instance) -> None:
    async def expire(other: Instance, seated: Seated) -> object:
        # The worker's clock is ahead: for pairing the code has a microsecond left when this starts.
        instance.clock.now += timedelta(microseconds=1)
        return await other.expire(seated)

    outcomes = await _redeem_against(instance, rival, expire, before=CODE_LIFE - timedelta(microseconds=1))
    for redeemed, _, seated in outcomes:
        assert redeemed in {"ok", "code_expired"}
        status = (await instance.row(seated))["status"]
        assert status == ("paired" if redeemed == "ok" else "expired")
    facts = await instance.published(PairingMatched, PairingExpired)
    assert len(facts) == len({fact.model_dump()["session_id"] for fact in facts}) == ROUNDS


async def test_redeem_against_the_end_of_the_session(instance: Instance, rival: Instance) -> None:
    for redeemed, _, seated in await _redeem_against(instance, rival, lambda other, it: other.end(it)):
        assert redeemed in {"ok", "session_closed"}
        row = await instance.row(seated)
        assert (row["status"], row["ended"]) == ("paired" if redeemed == "ok" else "waiting", "closed")
        assert await code_of(instance.join(seated.table_token, seated.code)) == "session_closed"


async def test_two_phones_that_join_each_other_in_one_moment_come_together(instance: Instance, rival: Instance) -> None:
    def join(who: Instance, own: Seated, other: Seated, *, by_link: bool) -> Awaitable[object]:
        if by_link:
            return who.join_by_link(other.table_token, other.join_secret, leaving=own.credential)
        return who.join(other.table_token, other.code, leaving=own.credential)

    for number in range(4 * ROUNDS):
        table = Table.new()
        a, b = await instance.seat(table), await instance.seat(table)
        outcomes = await asyncio.gather(
            code_of(join(instance, a, b, by_link=bool(number & 1))),
            code_of(join(rival, b, a, by_link=bool(number & 2))),
        )
        statuses = [(await instance.row(seated))["status"] for seated in (b, a)]
        assert (outcomes, statuses) in (
            (["ok", "code_expired"], ["paired", "expired"]),
            (["code_expired", "ok"], ["expired", "paired"]),
        )
    facts = await instance.published()
    assert Counter(type(fact) for fact in facts) == {PairingMatched: 4 * ROUNDS, PairingExpired: 4 * ROUNDS}
    assert await instance.wrong_tries() == 0


async def test_two_new_codes_at_once_leave_one_live(instance: Instance, rival: Instance) -> None:
    table = Table.new()
    for _ in range(ROUNDS):
        seated = await instance.seat(table)
        codes = await asyncio.gather(instance.new_code(seated), rival.new_code(seated))
        assert (await instance.row(seated))["generation"] == 3
        live = [code for code in codes if await code_of(instance.join(table.token, code.code)) == "ok"]
        assert len(live) == 1
    assert await instance.wrong_tries() == 0


async def test_the_same_request_for_a_new_code_at_once_makes_one(instance: Instance, rival: Instance) -> None:
    for number in range(ROUNDS):
        seated = await instance.seat(Table.new())
        key = f"key-number-{number}-0123456789"
        codes = await asyncio.gather(*((instance, rival)[turn % 2].new_code(seated, key=key) for turn in range(6)))
        assert len({code.model_dump_json() for code in codes}) == 1
        assert (await instance.row(seated))["generation"] == 2


async def test_guesses_and_the_right_code_at_once_count_exactly(instance: Instance, rival: Instance) -> None:
    """A redemption among guesses: either before the fifth wrong try, or not at all."""
    for number in range(ROUNDS):
        table = Table.new()
        seated = await instance.seat(table)
        wrong = wrong_codes(seated.code)[number * 8 : number * 8 + 8]
        attempts = [code_of((instance, rival)[turn % 2].join(table.token, code)) for turn, code in enumerate(wrong)]
        attempts.insert(number % 9, code_of(instance.join(table.token, seated.code)))
        outcomes = Counter(await asyncio.gather(*attempts))
        assert outcomes["code_invalid"] == 8
        row = await instance.row(seated)
        if outcomes["ok"]:
            assert row["status"] == "paired"
            assert row["wrong_tries"] < 5
        else:
            assert outcomes["code_expired"] == 1
            assert row["status"] == "withdrawn"
    assert await instance.wrong_tries() == 8 * ROUNDS
