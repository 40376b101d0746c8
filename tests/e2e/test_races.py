"""Redeeming a code while A does something else with it: one of the two wins, and everybody is told the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from twotop_e2e.following import SocketFollower
from twotop_e2e.phone import Json, Phone, code_of, new_key, pair
from twotop_e2e.stack import HURRY, Stack

from twotop_common.testing.eventually import eventually

TIMES = 12
REDEEMED = (200, None)


def verdict(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, code_of(answer)


async def settled(a: Phone, wanted: str) -> Json:
    """The session, once its dual status has followed pairing's word."""

    async def follows() -> Json | None:
        session = await a.session()
        return session if session["dual_status"] == wanted else None

    found = await eventually(follows, timeout_s=10, interval_s=0.1)
    assert found is not None
    return found


async def go_alone(a: Phone) -> httpx.Response:
    """Until it is answered: pairing says "try again" while it has not heard of the session."""
    return await a.until_answered(lambda: a.request("DELETE", f"/api/v1/sessions/{a.session_id}/pairing-code"))


async def new_code(a: Phone) -> httpx.Response:
    path, key = f"/api/v1/sessions/{a.session_id}/pairing-code", new_key()
    return await a.until_answered(lambda: a.request("POST", path, headers={"Idempotency-Key": key}))


async def close(a: Phone) -> httpx.Response:
    path, key = f"/api/v1/sessions/{a.session_id}/close", new_key()
    return await a.until_answered(lambda: a.request("POST", path, headers={"Idempotency-Key": key}))


@pytest.mark.parametrize("turn", range(TIMES))
async def test_redeem_against_go_alone(stack: Stack, turn: int) -> None:
    table = stack.fresh_table()
    async with Phone(stack) as a, Phone(stack) as b:
        await a.start(table, context="exploring")
        joined, alone = await asyncio.gather(b.try_join(table, code=a.code), go_alone(a))
        if verdict(joined) == REDEEMED:
            assert verdict(alone) == (409, "already_paired")
            session = await settled(a, "paired")
        else:
            assert alone.status_code == 204, alone.text
            assert verdict(joined) in {(410, "code_expired"), (404, "code_invalid")}
            session = await settled(a, "none")
        assert session["mode"] == ("dual" if verdict(joined) == REDEEMED else "single")
        await a.close_session()


@pytest.mark.parametrize("turn", range(TIMES))
async def test_redeem_against_replace(stack: Stack, turn: int) -> None:
    table = stack.fresh_table()
    async with Phone(stack) as a, Phone(stack) as b:
        await a.start(table, context="exploring")
        joined, replaced = await asyncio.gather(b.try_join(table, code=a.code), new_code(a))
        if verdict(joined) == REDEEMED:
            assert verdict(replaced) == (409, "already_paired")
            await settled(a, "paired")
        else:
            assert replaced.status_code == 201, replaced.text
            assert verdict(joined) in {(410, "code_expired"), (404, "code_invalid")}
            await b.join(table, code=replaced.json()["code"])
            await settled(a, "paired")
        types = [event["type"] for event in await a.all_events()]
        assert types.count("partner_joined") == 1
        await a.close_session()


@pytest.mark.parametrize("turn", range(TIMES))
async def test_redeem_against_close(stack: Stack, turn: int) -> None:
    table = stack.fresh_table()
    async with Phone(stack) as a, Phone(stack) as b:
        await a.start(table, context="exploring")
        joined, closed = await asyncio.gather(b.try_join(table, code=a.code), close(a))
        assert closed.status_code == 200, closed.text
        if verdict(joined) == REDEEMED:
            b.session_id, b.credential = a.session_id, joined.json()["participant"]["credential"]
            late = await b.try_command("set_ready", {"ready": True})
            assert verdict(late) == (410, "session_closed"), "B is told that the session has ended"
        else:
            assert verdict(joined) in {(410, "session_closed"), (410, "code_expired"), (404, "code_invalid")}
        events = await a.all_events()
        assert events[-1]["type"] == "session_closed", "nothing happens after the end"
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


@pytest.mark.parametrize("turn", range(4))
async def test_redeem_against_expire(stack: Stack, turn: int) -> None:
    table = stack.fresh_table(HURRY)
    async with Phone(stack) as a, Phone(stack) as b:
        created = await a.try_start(table, mode="dual", context="exploring")
        assert created.status_code == 201
        started = time.monotonic()
        a.session_id = created.json()["session"]["session_id"]
        a.credential = created.json()["participant"]["credential"]
        code = created.json()["pairing"]["code"]
        # Codes live two seconds here; the tries are spread around that instant.
        await asyncio.sleep(max(0.0, started + 1.97 + 0.015 * turn - time.monotonic()))
        joined = await b.try_join(table, code=code)
        assert verdict(joined) in {REDEEMED, (410, "code_expired")}
        await settled(a, "paired" if verdict(joined) == REDEEMED else "expired")
        types = [event["type"] for event in await a.all_events()]
        assert ("partner_joined" in types) == (verdict(joined) == REDEEMED)
        assert ("pairing_expired" in types) == (verdict(joined) != REDEEMED)
        await close(a)


async def test_a_session_nobody_uses_ends_on_time_by_itself(stack: Stack) -> None:
    async with Phone(stack) as a:
        await a.start(stack.fresh_table(HURRY), mode="single")
        due_in = 4.0
        started = time.monotonic()
        async with SocketFollower(a) as on_a:
            expired = await on_a.until_type("session_expired", timeout_s=due_in + 10)
            assert due_in - 0.5 <= time.monotonic() - started <= due_in + 5
            assert expired["data"]["reason"]
            await on_a.until(lambda: on_a.ended, what="its socket stays")
        refused = await a.try_command("choose_context", {"context": "mature"})
        assert verdict(refused) == (410, "session_expired")
        assert (await a.session())["state"] == "expired"


async def test_a_code_that_ran_out_ends_the_session_unless_a_goes_on(stack: Stack) -> None:
    async with Phone(stack) as waits, Phone(stack) as goes_on:
        await waits.start(stack.fresh_table(HURRY), context="exploring")
        await goes_on.start(stack.fresh_table(HURRY), context="exploring")
        async with SocketFollower(waits) as on_waits, SocketFollower(goes_on) as on_goes:
            assert (await on_waits.until_type("pairing_expired"))["data"]["reason"] == "expired"
            await on_goes.until_type("pairing_expired")
            assert (await new_code(goes_on)).status_code == 201
            await on_waits.until_type("session_expired", timeout_s=12)
            await on_goes.until_type("pairing_code_replaced")


async def test_a_further_code_lives_as_long_as_the_first_of_its_location(stack: Stack) -> None:
    async with Phone(stack) as a:
        await a.start(stack.fresh_table(HURRY), context="exploring")
        replaced = await new_code(a)
        assert replaced.status_code == 201, replaced.text
        until = datetime.fromisoformat(replaced.json()["expires_at"])
        assert until <= datetime.now(UTC) + timedelta(seconds=2), "codes live two seconds here"


@pytest.mark.parametrize("turn", range(TIMES))
async def test_a_socket_opened_before_its_registration_arrived_is_held_not_refused(stack: Stack, turn: int) -> None:
    table = stack.fresh_table()
    async with Phone(stack) as a, Phone(stack) as b:
        await a.start(table, context="exploring")
        async with SocketFollower(a) as on_a:
            await b.join(table, code=a.code)
            async with SocketFollower(b) as on_b:
                await on_b.until_type("partner_joined", timeout_s=5)
                assert not on_b.closes
            await on_a.until_type("partner_joined")
            assert not on_a.closes
        await a.close_session()


async def test_a_stranger_with_anothers_credential_is_refused_for_good(stack: Stack) -> None:
    a, b = await pair(stack)
    other, partner = await pair(stack)
    async with a, b, other, partner:
        other.session_id, kept = a.session_id, other.session_id
        async with SocketFollower(other) as refused:
            await refused.until(lambda: refused.ended, what="a stranger was not refused")
            assert refused.closes == [4403]
        assert verdict(await other.try_command("set_ready", {"ready": True})) == (403, "not_a_participant")
        other.session_id = kept
        await a.close_session()
        await other.close_session()


@pytest.mark.parametrize("turn", range(3))
async def test_reconnecting_between_missed_and_live_leaves_no_gap(stack: Stack, turn: int) -> None:
    a, b = await pair(stack)
    async with a, b, SocketFollower(a) as on_a, SocketFollower(b) as on_b:
        await on_a.until_type("partner_joined")
        writing = asyncio.create_task(_toggle(a, until=lambda: len(on_b.hellos) > 4))
        while not writing.done():
            reached = on_b.last_seq
            await on_b.drop()
            await on_b.until(lambda: on_b.connected, what="never came back")
            await on_b.until(lambda reached=reached: on_b.last_seq > reached or writing.done(), what="saw nothing new")
        await writing
        head = (await a.session())["last_seq"]
        for follower in (on_a, on_b):
            await follower.until_seq(head)
            assert not follower.broken
            assert [event["seq"] for event in follower.seen] == list(range(1, head + 1))
        assert len(on_b.hellos) > 3
        await a.close_session()


async def _toggle(phone: Phone, *, until: Callable[[], bool]) -> None:
    turn = 0
    while not until():
        turn += 1
        await phone.command("set_ready", {"ready": turn % 2 == 0})
