"""A table's session never stands in the way of the next guests: a scan starts a new one, up to a cap against abuse."""

from __future__ import annotations

import asyncio

from twotop_e2e.following import SocketFollower
from twotop_e2e.phone import Phone, code_of, pair
from twotop_e2e.stack import Stack

CAP = 10


async def test_new_guests_at_an_occupied_table_start_their_own_session_until_the_cap(stack: Stack) -> None:
    table = stack.fresh_table()
    a, b = await pair(stack, table=table, context="exploring")
    async with a, b, SocketFollower(a) as on_a, SocketFollower(b) as on_b:
        await on_a.until_type("partner_joined")
        newcomers = [Phone(stack) for _ in range(CAP - 1)]
        await newcomers[0].start(table, context="mature")
        assert newcomers[0].session_id != a.session_id
        assert (await newcomers[0].session())["context"] == "mature"
        await asyncio.gather(*(phone.start(table, context="established") for phone in newcomers[1:]))
        assert len({phone.session_id for phone in newcomers} | {a.session_id}) == CAP

        async with Phone(stack) as refused:
            answer = await refused.try_start(table, context="exploring")
            assert (answer.status_code, code_of(answer)) == (429, "table_session_limit")

        # The first party was never disturbed, and its code is nobody else's.
        await on_a.command("set_ready", {"ready": True})
        await on_b.command("set_ready", {"ready": True})
        await on_a.until_type("both_ready")
        assert (await a.session())["context"] == "exploring"
        assert len({phone.code for phone in newcomers}) == len(newcomers)

        # An end makes room.
        await newcomers[0].close_session()
        async with Phone(stack) as next_guest:
            await next_guest.start(table, context="exploring")
            await next_guest.close_session()
        for phone in newcomers[1:]:
            await phone.close_session()
            await phone.http.aclose()
        await a.close_session()


async def test_eleven_guests_at_once_are_ten_sessions(stack: Stack) -> None:
    table = stack.fresh_table()
    phones = [Phone(stack) for _ in range(CAP + 5)]
    answers = await asyncio.gather(*(phone.try_start(table, mode="single") for phone in phones))
    assert sorted(answer.status_code for answer in answers) == [201] * CAP + [429] * 5
    for phone in phones:
        await phone.http.aclose()


async def test_closed_and_disabled_tables_say_so(stack: Stack) -> None:
    async with Phone(stack) as phone:
        closed = await phone.try_start(stack.demo["closed_table_token"])
        disabled = await phone.try_start(stack.demo["disabled_table_token"])
        unknown = await phone.try_start("nobody-printed-this")
    assert (closed.status_code, code_of(closed)) == (403, "location_closed")
    assert (disabled.status_code, code_of(disabled)) == (423, "table_disabled")
    assert (unknown.status_code, code_of(unknown)) == (404, "table_not_found")
