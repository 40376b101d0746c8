"""A second phone joins, or learns exactly why it may not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from pairing_testing.house import CODE_LIFE, Instance, Table, code_of, open_instance, seat, wrong_codes

from pairing.handlers import follow_facts
from twotop_common.contracts.pairing import PairingExpired, PairingMatched
from twotop_common.hashed_codes import KeyRing
from twotop_common.testing.eventually import eventually
from twotop_common.testing.fakes import Clock

pytestmark = pytest.mark.integration
KEY = "the-same-key-22-characters"


async def test_the_code_makes_the_second_phone_participant_b(instance: Instance) -> None:
    table = Table.new()
    seated = await instance.seat(table)
    joined = await instance.join(table.token, f" {seated.code[:3].lower()}-{seated.code[3:]} ")
    assert joined.session.session_id == seated.id
    assert joined.session.table_id == table.place.table_id
    assert joined.session.dual_status == "paired"
    claims = instance.around.verifier.verify(joined.participant.credential, instance.clock())
    assert (claims.session_id, claims.participant_id, claims.role, claims.generation) == (
        seated.id,
        joined.participant.participant_id,
        "B",
        1,
    )
    assert claims.expires_at == seated.fact.credential_expires_at == joined.participant.expires_at
    assert await instance.published() == [
        PairingMatched(
            session_id=seated.id,
            generation=1,
            participant_id=joined.participant.participant_id,
            credential_generation=1,
            matched_at=instance.clock(),
        )
    ]
    assert instance.woken == 1
    assert await instance.wrong_tries() == 0


async def test_a_code_works_once(instance: Instance) -> None:
    seated = await instance.seat(Table.new())
    await instance.join(seated.table_token, seated.code)
    assert await code_of(instance.join(seated.table_token, seated.code)) == "already_paired"
    assert await code_of(instance.join_by_link(seated.table_token, seated.join_secret)) == "already_paired"
    assert await instance.wrong_tries() == 0


async def test_the_link_joins_too_and_uses_the_code_up(instance: Instance) -> None:
    seated = await instance.seat(Table.new())
    joined = await instance.join_by_link(seated.table_token, seated.join_secret)
    assert joined.session.session_id == seated.id
    assert await code_of(instance.join(seated.table_token, seated.code)) == "already_paired"


async def test_the_code_of_the_session_that_a_phone_leaves_runs_out_with_the_match_and_not_before(
    instance: Instance,
) -> None:
    table = Table.new()
    left, seated = await instance.seat(table), await instance.seat(table)
    wrong = wrong_codes(left.code, seated.code)[0]
    assert await code_of(instance.join(table.token, wrong, leaving=left.credential)) == "code_invalid"
    assert (
        await code_of(instance.join_by_link(table.token, f"{seated.id}.x", leaving=left.credential)) == "code_invalid"
    )
    assert (await instance.row(left))["status"] == "waiting"
    first = await instance.join(table.token, seated.code, key=KEY, leaving=left.credential)
    assert PairingExpired(session_id=left.id, generation=1, expired_at=instance.clock()) in await instance.published()
    assert await code_of(instance.join(table.token, left.code)) == "code_expired"
    await instance.new_code(left)
    assert await instance.join(table.token, seated.code, key=KEY) == first
    assert (await instance.row(left))["status"] == "waiting"


async def test_only_the_first_phone_of_a_session_at_this_table_leaves_it_by_joining_another(instance: Instance) -> None:
    table, other_table = Table.new(), Table.new()
    seated, elsewhere = await instance.seat(table), await instance.seat(other_table)
    issue = instance.around.signer.issue
    no_leave = [
        "no credential",
        issue(replace(seated.claims, expires_at=instance.clock())),
        issue(replace(seated.claims, role="B")),
        issue(replace(seated.claims, participant_id=uuid4())),
        issue(replace(seated.claims, session_id=uuid4())),
        issue(replace(seated.claims, generation=0)),
        elsewhere.credential,
    ]
    for credential in no_leave:
        joined = await instance.seat(table)
        await instance.join(table.token, joined.code, leaving=credential)
        linked = await instance.seat(table)
        await instance.join_by_link(table.token, linked.join_secret, leaving=credential)
    assert [(await instance.row(one))["status"] for one in (seated, elsewhere)] == ["waiting", "waiting"]


async def test_a_partner_stays_when_the_first_phone_joins_another_session(instance: Instance) -> None:
    table = Table.new()
    left, seated = await instance.seat(table), await instance.seat(table)
    await instance.join(table.token, left.code)
    await instance.join(table.token, seated.code, leaving=left.credential)
    assert [(await instance.row(one))["status"] for one in (left, seated)] == ["paired", "paired"]


@pytest.mark.parametrize(("before_s", "expected"), [(0.000001, "ok"), (0, "code_expired"), (-1, "code_expired")])
async def test_a_code_is_valid_until_exactly_its_instant(instance: Instance, before_s: float, expected: str) -> None:
    by_code, by_link = await instance.seat(Table.new()), await instance.seat(Table.new())
    instance.clock.now += CODE_LIFE - timedelta(seconds=before_s)
    assert await code_of(instance.join(by_code.table_token, by_code.code)) == expected
    assert await code_of(instance.join_by_link(by_link.table_token, by_link.join_secret)) == expected
    assert await instance.wrong_tries() == 0


async def test_unknown_codes_tables_sessions_and_secrets_all_answer_the_same(instance: Instance) -> None:
    table, other = Table.new(), Table.new()
    seated = await instance.seat(table)
    elsewhere = await instance.seat(other)
    wrong = wrong_codes(seated.code, elsewhere.code)[0]
    stranger = seat(table, instance.clock())
    attempts = [
        instance.join(table.token, wrong),
        instance.join("no-such-table", seated.code),
        instance.join(other.token, seated.code),
        instance.join(table.token, "ABC-DEF"),
        instance.join(table.token, "BCD"),
        instance.join(table.token, ""),
        instance.join(table.token, seated.code, location="another-place"),
        instance.join_by_link(table.token, stranger.join_secret),
        instance.join_by_link(table.token, f"{seated.id}.{elsewhere.join_secret.partition('.')[2]}"),
        instance.join_by_link(table.token, f"{seated.id}.käse"),
        instance.join_by_link(table.token, f"{seated.id}"),
        instance.join_by_link(table.token, "nonsense"),
        instance.join_by_link(other.token, seated.join_secret),
        instance.join_by_link(table.token, seated.join_secret, location="another-place"),
    ]
    assert set(await asyncio.gather(*map(code_of, attempts))) == {"code_invalid"}
    # Only what could be a code of the table is counted; a table of which nothing is known is counted by itself.
    assert await instance.wrong_tries() == 3
    assert await code_of(instance.join(table.token, seated.code)) == "ok"


async def test_the_location_may_be_named_by_its_id_or_its_short_name(instance: Instance) -> None:
    table = Table.new()
    by_id, by_name, by_link = [await instance.seat(table) for _ in range(3)]
    await instance.join(table.token, by_id.code, location=str(table.place.location_id))
    await instance.join(table.token, by_name.code, location="the-corner")
    await instance.join_by_link(table.token, by_link.join_secret, location=str(table.place.location_id).upper())


async def test_two_sessions_with_the_same_code_match_nobody_until_one_is_gone(instance: Instance) -> None:
    table = Table.new()
    first = await instance.seat(table, code="BCDFGH")
    second = await instance.seat(table, code="BCDFGH")
    assert await code_of(instance.join(table.token, "BCDFGH")) == "code_invalid"
    assert {(await instance.row(seated))["status"] for seated in (first, second)} == {"waiting"}
    await instance.join_by_link(table.token, first.join_secret)
    joined = await instance.join(table.token, "BCDFGH")
    assert joined.session.session_id == second.id


async def test_a_code_that_arrives_while_it_is_being_looked_for_joins_and_is_not_counted(instance: Instance) -> None:
    table = Table.new()
    present = await instance.seat(table)
    late = seat(table, instance.clock())
    attempt = asyncio.create_task(instance.join(table.token, late.code))
    await _first_look_is_over(instance)
    await instance.hear(follow_facts.take_in_session, late.fact, instance.clock())
    assert (await attempt).session.session_id == late.id
    assert await instance.wrong_tries() == 0
    assert (await instance.row(present))["wrong_tries"] == 0


async def test_of_two_who_look_for_a_code_on_its_way_one_joins_and_neither_is_counted(instance: Instance) -> None:
    table = Table.new()
    await instance.seat(table)
    late = seat(table, instance.clock())
    key = "a-key-of-22-characters"
    attempts = [
        asyncio.create_task(code_of(instance.join(table.token, late.code, key=f"{key}-{number}"))) for number in (1, 2)
    ]

    async def both_are_looking() -> bool:
        return await instance.wrong_tries() == 2

    await eventually(both_are_looking)
    await instance.hear(follow_facts.take_in_session, late.fact, instance.clock())
    assert sorted([await attempt for attempt in attempts]) == ["already_paired", "ok"]
    assert await instance.wrong_tries() == 0
    # Nothing happened under the loser's key, so it may be used again.
    assert len(await instance.rows("SELECT 1 FROM answers")) == 1


async def test_a_table_and_a_link_that_arrive_while_they_are_looked_for_join(instance: Instance) -> None:
    by_code, by_link = seat(Table.new(), instance.clock()), seat(Table.new(), instance.clock())
    attempts = [
        asyncio.create_task(instance.join(by_code.table_token, by_code.code)),
        asyncio.create_task(instance.join_by_link(by_link.table_token, by_link.join_secret)),
    ]
    await asyncio.sleep(0)
    for seated in (by_code, by_link):
        await instance.hear(follow_facts.take_in_session, seated.fact, instance.clock())
    assert [(await attempt).session.session_id for attempt in attempts] == [by_code.id, by_link.id]


@pytest.mark.parametrize(("state", "code"), [("closed", "session_closed"), ("expired", "session_expired")])
async def test_an_ended_session_says_so(instance: Instance, state: str, code: str) -> None:
    waiting, paired = await instance.seat(Table.new()), await instance.seat(Table.new())
    await instance.join(paired.table_token, paired.code)
    for seated in (waiting, paired):
        await instance.end(seated, state)
        assert await code_of(instance.join(seated.table_token, seated.code)) == code
        assert await code_of(instance.join_by_link(seated.table_token, seated.join_secret)) == code
    assert await instance.wrong_tries() == 0


async def test_an_end_that_arrives_before_the_beginning_stands(instance: Instance) -> None:
    seated = seat(Table.new(), instance.clock())
    await instance.end(seated, "expired")
    await instance.hear(follow_facts.take_in_session, seated.fact, instance.clock())
    assert await code_of(instance.join(seated.table_token, seated.code)) == "session_expired"


async def test_a_beginning_that_is_told_again_changes_nothing(instance: Instance) -> None:
    seated = await instance.seat(Table.new())
    await instance.join(seated.table_token, seated.code)
    await instance.hear(follow_facts.take_in_session, seated.fact, instance.clock())
    assert (await instance.row(seated))["status"] == "paired"


async def test_a_code_under_an_older_key_is_still_redeemed(database_url: str) -> None:
    old = "old:" + "A" * 43 + "="
    new = "new:" + "B" * 42 + "A="
    clock = Clock()
    async with open_instance(database_url, clock, ring=KeyRing.parse(old)) as before:
        first, second, third = [await before.seat(Table.new()) for _ in range(3)]
    async with open_instance(database_url, clock, ring=KeyRing.parse(f"{new},{old}")) as after:
        await after.join(first.table_token, first.code)
        await after.join_by_link(second.table_token, second.join_secret)
    async with open_instance(database_url, clock, ring=KeyRing.parse(new)) as forgotten:
        assert await code_of(forgotten.join(third.table_token, third.code)) == "code_invalid"
        assert await code_of(forgotten.join_by_link(third.table_token, third.join_secret)) == "code_invalid"


async def _first_look_is_over(instance: Instance) -> None:
    await eventually(instance.wrong_tries)
