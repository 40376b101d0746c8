"""Guessing: what it costs, and that the price is the same in a row, at once, across instances and restarts."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from math import inf

import pytest
from pairing_testing.house import Instance, Seated, Table, code_of, open_instance, seat, wrong_codes

from pairing.domain import PATIENCE_S, UNSURE_TRIES_PER_DAY
from pairing.handlers import follow_facts
from pairing.handlers.keep_house import keep_house
from pairing.handlers.surroundings import LOOK_AGAIN_FOR_S
from twotop_common.contracts.pairing import PairingWithdrawn
from twotop_common.service_defaults.problems import Problem
from twotop_common.testing.eventually import eventually
from twotop_common.testing.fakes import Clock

pytestmark = pytest.mark.integration


async def _guess(instance: Instance, table: Table, codes: list[str]) -> Counter[str]:
    return Counter(await asyncio.gather(*(code_of(instance.join(table.token, code)) for code in codes)))


async def _set_day(instance: Instance, wrong_tries: int) -> None:
    await instance.write("UPDATE guards SET wrong_tries = :tries", tries=wrong_tries)


async def test_the_fifth_wrong_try_withdraws_every_live_code_and_leaves_the_table_usable(instance: Instance) -> None:
    table = Table.new()
    first, second = await instance.seat(table), await instance.seat(table)
    elsewhere = await instance.seat(Table.new())
    wrong = wrong_codes(first.code, second.code)
    for code in wrong[:4]:
        assert await code_of(instance.join(table.token, code)) == "code_invalid"
    assert {(await instance.row(seated))["wrong_tries"] for seated in (first, second)} == {4}
    assert await instance.published() == []
    assert await code_of(instance.join(table.token, wrong[4])) == "code_invalid"
    withdrawn = await instance.published(PairingWithdrawn)
    assert {
        (message.session_id, message.generation) for message in withdrawn if isinstance(message, PairingWithdrawn)
    } == {
        (first.id, 1),
        (second.id, 1),
    }
    assert instance.woken == 1
    for seated in (first, second):
        assert await code_of(instance.join(table.token, seated.code)) == "code_expired"
        assert await code_of(instance.join_by_link(table.token, seated.join_secret)) == "code_expired"
    assert (await instance.row(elsewhere))["wrong_tries"] == 0
    # The table: a new session and a new code work at once.
    newcomer = await instance.seat(table)
    await instance.join(table.token, newcomer.code)
    renewed = await instance.new_code(first)
    await instance.join(table.token, renewed.code)
    assert await instance.wrong_tries() == 5


async def test_guesses_at_once_are_worth_no_more_than_five_in_a_row(instance: Instance) -> None:
    """The right code comes last in the queue: by then it is withdrawn, whatever the concurrency."""
    table = Table.new()
    seated = await instance.seat(table)
    guesses = [asyncio.ensure_future(_guess(instance, table, wrong_codes(seated.code)[:60]))]
    await eventually(instance.wrong_tries)
    await eventually(lambda: _tries_at_least(instance, 5))
    assert await code_of(instance.join(table.token, seated.code)) == "code_expired"
    assert await guesses[0] == {"code_invalid": 60}
    assert await instance.wrong_tries() == 60
    assert len(await instance.published(PairingWithdrawn)) == 1
    assert (await instance.row(seated))["status"] == "withdrawn"


async def _tries_at_least(instance: Instance, tries: int) -> bool:
    return await instance.wrong_tries() >= tries


async def test_wrong_tries_are_counted_exactly_over_several_instances(database_url: str) -> None:
    clock = Clock()
    table = Table.new()
    async with open_instance(database_url, clock) as one, open_instance(database_url, clock) as two:
        seated = await one.seat(table)
        codes = wrong_codes(seated.code)[:130]
        outcomes = await asyncio.gather(_guess(one, table, codes[:65]), _guess(two, table, codes[65:]))
        assert outcomes[0] + outcomes[1] == {"code_invalid": 100, "too_many_attempts": 30}
        assert await one.wrong_tries() == 100
        assert len(await one.published(PairingWithdrawn)) == 1
    # A restart forgets nothing.
    async with open_instance(database_url, clock) as three:
        newcomer = await three.seat(table)
        assert await code_of(three.join(table.token, newcomer.code)) == "too_many_attempts"


async def test_after_a_hundred_wrong_tries_only_the_link_works_until_the_next_service_day(instance: Instance) -> None:
    # 18:00 UTC is 19:00 in Berlin; the service day ends at 04:00 there, 03:00 UTC.
    table = Table.new("Europe/Berlin", 4)
    seated = await instance.seat(table)
    wrong = wrong_codes(seated.code)
    await code_of(instance.join(table.token, wrong[0]))
    await _set_day(instance, 99)
    assert await code_of(instance.join(table.token, wrong[1])) == "code_invalid"
    with pytest.raises(Problem) as refused:
        await instance.join(table.token, seated.code)
    assert refused.value.code == "too_many_attempts"
    assert refused.value.headers["Retry-After"] == str(9 * 3600)
    assert await code_of(instance.join(Table.new().token, wrong[2])) == "code_invalid"
    await instance.join_by_link(table.token, seated.join_secret)

    instance.clock.now = datetime(2026, 3, 15, 2, 59, 59, 999_999, tzinfo=UTC)
    night = await instance.seat(table)
    assert await code_of(instance.join(table.token, night.code)) == "too_many_attempts"
    instance.clock.advance(microseconds=1)
    await instance.join(table.token, night.code)
    assert await code_of(instance.join(table.token, wrong[3])) == "code_invalid"
    of_the_table = "SELECT wrong_tries FROM guards WHERE table_token = :token ORDER BY service_day"
    days = await instance.rows(of_the_table, token=table.token)
    assert [day["wrong_tries"] for day in days] == [100, 1]


async def test_a_table_of_which_nothing_is_known_counts_like_any_other(instance: Instance) -> None:
    """Counting must not tell where somebody sits; and who comes later is guarded by what was tried before."""
    table, other = Table.new(), Table.new()
    assert await _guess(instance, table, wrong_codes()[:105]) == {"code_invalid": 100, "too_many_attempts": 5}
    seated = await instance.seat(table)
    assert await code_of(instance.join(table.token, seated.code)) == "too_many_attempts"
    await instance.join_by_link(table.token, seated.join_secret)
    elsewhere = await instance.seat(other)
    await instance.join(other.token, elsewhere.code)


async def test_a_table_that_becomes_known_while_a_guess_is_looked_at_is_guessed_at(instance: Instance) -> None:
    late = seat(Table.new(), instance.clock())
    wrong = wrong_codes(late.code)[0]
    attempts = [
        asyncio.create_task(code_of(instance.join(late.table_token, wrong))),
        asyncio.create_task(code_of(instance.join(late.table_token, wrong, location="elsewhere"))),
    ]
    await eventually(lambda: _tries_at_least(instance, 2))
    await instance.hear(follow_facts.take_in_session, late.fact, instance.clock())
    assert [await attempt for attempt in attempts] == ["code_invalid"] * 2
    assert (await instance.row(late))["wrong_tries"] == 1
    assert await instance.wrong_tries() == 2


async def test_a_code_that_is_known_is_never_counted_as_a_wrong_try(instance: Instance) -> None:
    table = Table.new()
    live = await instance.seat(table)
    paired, expired, replaced = [await instance.seat(table) for _ in range(3)]
    await instance.join(table.token, paired.code)
    await instance.write(
        "UPDATE pairings SET expires_at = :at WHERE session_id = :id", at=instance.clock(), id=expired.id
    )
    await instance.new_code(replaced)
    for seated, code in ((paired, "already_paired"), (expired, "code_expired"), (replaced, "code_expired")):
        assert await code_of(instance.join(table.token, seated.code)) == code
    assert await instance.wrong_tries() == 0
    assert (await instance.row(live))["wrong_tries"] == 0


async def test_an_unknown_code_is_answered_503_while_the_view_is_behind_and_not_counted(instance: Instance) -> None:
    table = Table.new()
    seated = await instance.seat(table)
    stranger = seat(table, instance.clock())
    instance.behind_s = inf
    for attempt in (
        instance.join(table.token, stranger.code),
        instance.join("unheard-of", stranger.code),
        instance.join_by_link(table.token, stranger.join_secret),
    ):
        with pytest.raises(Problem) as refused:
            await attempt
        assert (refused.value.status, refused.value.code) == (503, "unavailable")
        assert "Retry-After" in refused.value.headers
    assert await instance.wrong_tries() == 0
    assert (await instance.row(seated))["wrong_tries"] == 0
    # What is known works all the same.
    await instance.join(table.token, seated.code)


async def test_a_view_that_turns_out_to_be_behind_takes_the_count_back(instance: Instance) -> None:
    table = Table.new()
    seated = await instance.seat(table)
    attempt = asyncio.create_task(code_of(instance.join(table.token, wrong_codes(seated.code)[0])))
    await eventually(instance.wrong_tries)
    instance.behind_s = inf
    assert await attempt == "unavailable"
    assert await instance.wrong_tries() == 0
    assert (await instance.row(seated))["wrong_tries"] == 0
    assert await instance.rows("SELECT unsure_tries FROM guards") == [{"unsure_tries": 1}]


async def test_a_view_that_has_caught_up_counts_the_try_after_all(instance: Instance) -> None:
    table = Table.new()
    seated = await instance.seat(table)
    instance.behind_s = inf
    attempt = asyncio.create_task(code_of(instance.join(table.token, wrong_codes(seated.code)[0])))
    await eventually(lambda: instance.rows("SELECT 1 FROM guards WHERE unsure_tries = 1"))
    instance.behind_s = 0.0
    assert await attempt == "code_invalid"
    assert await instance.wrong_tries() == 1
    assert (await instance.row(seated))["wrong_tries"] == 1


async def test_a_code_that_comes_as_late_as_our_view_is_behind_is_still_found(instance: Instance) -> None:
    table = Table.new()
    await instance.seat(table)
    by_code, by_link = seat(table, instance.clock()), seat(table, instance.clock())
    instance.behind_s = 1.0
    attempts = asyncio.gather(
        instance.join(table.token, by_code.code), instance.join_by_link(table.token, by_link.join_secret)
    )
    began = time.monotonic()
    await eventually(lambda: time.monotonic() - began > 2 * LOOK_AGAIN_FOR_S)
    for late in (by_code, by_link):
        await instance.hear(follow_facts.take_in_session, late.fact, instance.clock())
    assert [joined.session.session_id for joined in await attempts] == [by_code.id, by_link.id]
    assert await instance.wrong_tries() == 0


async def test_an_outage_is_no_time_to_guess(instance: Instance) -> None:
    table = Table.new()
    seated = await instance.seat(table)
    instance.behind_s = inf
    codes = wrong_codes(seated.code)[:UNSURE_TRIES_PER_DAY]
    assert await _guess(instance, table, codes) == {"unavailable": UNSURE_TRIES_PER_DAY}
    # From here on codes are not even looked at, right ones either.
    assert await code_of(instance.join(table.token, seated.code)) == "unavailable"
    assert (await instance.row(seated))["status"] == "waiting"
    await instance.join_by_link(table.token, seated.join_secret)


async def test_a_code_that_arrives_after_a_guess_began_is_guessed_at_by_it_too(instance: Instance) -> None:
    table = Table.new()
    late = seat(table, instance.clock())
    await instance.seat(table)
    attempt = asyncio.create_task(code_of(instance.join(table.token, wrong_codes(late.code)[0])))
    await eventually(instance.wrong_tries)
    await instance.hear(follow_facts.take_in_session, late.fact, instance.clock())
    assert await attempt == "code_invalid"
    assert (await instance.row(late))["wrong_tries"] == 1


async def test_a_code_that_a_dead_process_left_exhausted_is_withdrawn_by_the_housekeeping(instance: Instance) -> None:
    seated, other = await instance.seat(Table.new()), await instance.seat(Table.new())
    await instance.write("UPDATE pairings SET wrong_tries = 5 WHERE session_id = :id", id=seated.id)
    assert await code_of(instance.join(seated.table_token, seated.code)) == "code_expired"
    assert await keep_house(instance.database.sessions, instance.clock())
    assert not await keep_house(instance.database.sessions, instance.clock())
    assert [message.model_dump()["session_id"] for message in await instance.published()] == [seated.id]
    assert (await instance.row(other))["status"] == "waiting"


async def test_a_repeated_wrong_try_is_counted_once(instance: Instance) -> None:
    table = Table.new()
    seated = await instance.seat(table)
    wrong = wrong_codes(seated.code)
    key = "a-random-key-of-22-chars"
    for _ in range(3):
        assert await code_of(instance.join(table.token, wrong[0], key=key)) == "code_invalid"
    assert await instance.wrong_tries() == 1
    # The key is no way to try another code for nothing.
    assert await code_of(instance.join(table.token, seated.code, key=key)) == "idempotency_mismatch"
    assert (await instance.row(seated))["status"] == "waiting"


async def test_a_request_that_waits_for_its_table_keeps_its_key(instance: Instance, database_url: str) -> None:
    table = Table.new()
    seated = await instance.seat(table)
    wrong, key = wrong_codes(seated.code)[0], "a-random-key-of-22-chars"
    waiting = asyncio.create_task(code_of(instance.join(table.token, wrong, key=key)))
    await eventually(instance.wrong_tries)
    async with (
        instance.around.turnstile.one_at_a_time(table.token),
        open_instance(database_url, instance.clock) as other,
    ):
        instance.clock.advance(seconds=PATIENCE_S)
        assert await code_of(other.join(table.token, wrong, key=key)) == "idempotency_in_progress"
    assert await waiting == "code_invalid"
    assert await instance.wrong_tries() == 1


async def test_no_request_waits_longer_than_its_patience(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pairing.handlers.surroundings.PATIENCE_S", 0.1)
    seated = await instance.seat(Table.new())
    queue = instance.around.turnstile.one_at_a_time
    async with queue(seated.table_token), queue(seated.id):
        for attempt in (
            instance.join(seated.table_token, seated.code),
            instance.join_by_link(seated.table_token, seated.join_secret),
            instance.new_code(seated),
            instance.alone(seated),
        ):
            assert await code_of(attempt) == "unavailable"
    await instance.join(seated.table_token, seated.code)


async def test_guesses_do_not_reach_codes_whose_time_is_over(instance: Instance) -> None:
    table = Table.new()
    old: Seated = await instance.seat(table)
    instance.clock.now += timedelta(minutes=10)
    young = await instance.seat(table)
    await code_of(instance.join(table.token, wrong_codes(old.code, young.code)[0]))
    assert [(await instance.row(seated))["wrong_tries"] for seated in (old, young)] == [0, 1]
