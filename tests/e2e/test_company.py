"""Who is at the table changes in mid-game: a phone leaves, another joins, one goes on alone; the cards stay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, expect
from twotop_e2e.guest import Guest, agree, both_press_ready, guest_url, two_at_their_first_card
from twotop_e2e.phone import Phone, code_of
from twotop_e2e.stack import Stack

from twotop_common.service_defaults.feature_flags import DUAL_PAIRING_CODE_ENABLED
from twotop_common.testing.eventually import eventually

GONE_WITHIN_MS = 40_000
"""20 s after the partner was last heard of, and what a busy machine adds."""
NEVER_CAME_WITHIN_S = 50
"""30 s after it joined, likewise."""


async def go_on(asks: Guest, grants: Guest, *, to: int) -> None:
    await agree(asks, grants)
    for guest in (asks, grants):
        await guest.shows(to)


async def joins(browser: Browser, url: str, code: str, host: Guest) -> Guest:
    """One more phone, up to the moment when both are at the host's card."""
    guest = await Guest.arrive(browser, url)
    await guest.joins_with(code)
    await both_press_ready(host, guest)
    return guest


async def leaves(guest: Guest) -> None:
    await guest.from_menu("leave-session")
    await guest.sees("confirm")
    await guest.tap("confirm-yes")
    await guest.sees("screen-left")


@asynccontextmanager
async def pairing_off(stack: Stack) -> AsyncIterator[None]:
    """Before and after, every service knows of it."""
    table = stack.fresh_table()
    async with Phone(stack) as phone:

        async def known(dual: bool, verdict: str) -> bool:
            offers = (await phone.request("GET", f"/api/v1/tables/{table}")).json()["offers"]
            return bool(offers["dual"] is dual and code_of(await phone.try_join(table, code="BBBBBB")) == verdict)

        stack.operate("flags", "set", DUAL_PAIRING_CODE_ENABLED, "off")
        try:
            await eventually(lambda: known(False, "pairing_disabled"), interval_s=0.3)
            yield
        finally:
            stack.operate("flags", "set", DUAL_PAIRING_CODE_ENABLED, "on")
            await eventually(lambda: known(True, "code_invalid"), interval_s=0.3)


async def test_whoever_stays_keeps_the_card_and_another_phone_may_take_the_place(
    stack: Stack, browser: Browser
) -> None:
    url = guest_url(stack, stack.fresh_table())
    a, b = await two_at_their_first_card(browser, url)
    await go_on(a, b, to=2)
    await leaves(b)
    await a.sees("partner", presence="left")
    await a.shows(2)
    await a.tap("move-next")
    await a.shows(3)

    await a.from_menu("invite-again")
    await a.sees("invite-sheet")
    code = await a.code()
    await a.tap("invite-sheet-close")
    await a.sees("inviting", status="waiting")
    await a.tap("move-next")
    await a.shows(4)

    c = await joins(browser, url, code, host=a)
    for guest in (a, c):
        await guest.shows(4)
    await expect(a.page.get_by_test_id("inviting")).to_be_hidden()
    await go_on(c, a, to=5)
    assert not a.errors + b.errors + c.errors


async def test_while_the_partners_phone_is_gone_a_wish_waits_no_longer_and_further_cards_turn_at_once(
    stack: Stack, browser: Browser
) -> None:
    a, b = await two_at_their_first_card(browser, guest_url(stack, stack.fresh_table()))
    await a.tap("move-next")
    await a.sees("wish-mine", wish="next")
    await b.page.goto("about:blank")
    await expect(a.page.get_by_test_id("card")).to_have_attribute("data-position", "2", timeout=GONE_WITHIN_MS)
    await a.sees("partner", presence="gone")
    await a.page.evaluate(
        """() => new MutationObserver(() => {
            if (document.querySelector("[data-testid=wish-mine]")) window.spokeOfWaiting = true;
        }).observe(document.body, { subtree: true, childList: true })"""
    )
    for position in (3, 4, 5):
        await a.tap("move-next")
        await a.shows(position)
    assert not await a.page.evaluate("() => window.spokeOfWaiting")
    await b.page.go_back()
    await b.shows(5)
    await agree(a, b)
    for guest in (a, b):
        await guest.shows(6)
    assert not a.errors


async def test_nobody_waits_for_a_partner_of_whom_nothing_was_ever_heard(stack: Stack, browser: Browser) -> None:
    table = stack.fresh_table()
    a = await Guest.arrive(browser, guest_url(stack, table))
    code = await a.starts_for_two()
    async with Phone(stack) as b:
        await b.join(table, code=code)
    await a.sees("screen-ready")
    await a.is_live()
    await a.sees("seat-partner", presence="unknown")
    await a.sees("invite-again")

    async def goes_on_alone() -> bool:
        await a.tap("go-alone")
        async with a.page.expect_response("**/pairing-code") as answer:
            await a.tap("confirm-yes")
        return (await answer.value).ok

    assert not await goes_on_alone()
    await a.sees("problem", reason="partner_back")
    await eventually(goes_on_alone, timeout_s=NEVER_CAME_WITHIN_S, interval_s=5)
    await a.sees("screen-single")
    assert not a.errors


async def test_one_phone_takes_a_second_one_in_and_goes_on_alone_again(stack: Stack, browser: Browser) -> None:
    url = guest_url(stack, stack.fresh_table())
    a = await Guest.arrive(browser, url)
    await a.starts_alone()
    await a.tap("move-next")
    await a.shows(2)

    await a.from_menu("invite-second")
    await a.sees("invite-sheet")
    await a.tap("stop-inviting")
    await expect(a.page.get_by_test_id("invite-sheet")).to_be_hidden()
    await expect(a.page.get_by_test_id("inviting")).to_be_hidden()
    await a.shows(2)

    await a.from_menu("invite-second")
    await a.sees("invite-sheet")
    b = await joins(browser, url, await a.code(), host=a)
    for guest in (a, b):
        await guest.shows(2)
    await go_on(b, a, to=3)

    await leaves(b)
    await a.sees("partner", presence="left")
    await a.from_menu("go-alone")
    await expect(a.page.get_by_test_id("partner")).to_be_hidden()
    await a.shows(3)
    await a.tap("move-next")
    await a.shows(4)
    await a.tap("menu")
    await a.sees("invite-second")
    assert not a.errors + b.errors


async def test_starting_afresh_is_a_new_round_once_both_want_it(stack: Stack, browser: Browser) -> None:
    a, b = await two_at_their_first_card(browser, guest_url(stack, stack.fresh_table()))
    await go_on(a, b, to=2)
    await a.from_menu("start-afresh")
    await b.sees("wish-theirs", wish="afresh")
    await b.shows(2)
    await b.tap("grant-wish")
    for guest in (a, b):
        await guest.sees("card", position="1", round="2")
    assert not a.errors + b.errors


async def test_intimate_questions_come_only_after_each_phone_has_agreed_by_itself(
    stack: Stack, browser: Browser
) -> None:
    a, b = await two_at_their_first_card(browser, guest_url(stack, stack.fresh_table()))
    await a.from_menu("other-context")
    await a.tap("context-mature")
    await a.sees("screen-mature")
    await a.tap("mature-yes")
    await a.sees("wish-mine", wish="context", context="mature")
    await b.sees("wish-theirs", wish="context", context="mature")
    await b.tap("grant-wish")
    await b.sees("confirm")
    await b.tap("confirm-no")
    for guest in (a, b):
        await guest.sees("card", context="exploring")
    await b.tap("grant-wish")
    await b.tap("confirm-yes")
    for guest in (a, b):
        await guest.sees("card", context="mature", position="1")
    assert not a.errors + b.errors


async def test_who_does_not_want_intimate_questions_asks_for_others_before_the_game(
    stack: Stack, browser: Browser
) -> None:
    url = guest_url(stack, stack.fresh_table())
    a = await Guest.arrive(browser, url)
    for step in ("start-two-phones", "context-mature", "mature-yes"):
        await a.tap(step)
    await a.sees("screen-waiting")
    code = await a.code()
    b = await Guest.arrive(browser, url)
    await b.joins_with(code)
    await b.sees("screen-mature")
    await b.tap("mature-no")
    await b.tap("context-established")
    await b.sees("wish-mine", wish="context", context="established")
    await a.sees("wish-theirs", wish="context", context="established")
    await a.tap("grant-wish")
    await both_press_ready(a, b)
    for guest in (a, b):
        await guest.sees("card", context="established", position="1")
    assert not a.errors + b.errors


async def test_while_pairing_is_off_two_play_on_and_nobody_is_offered_a_code(stack: Stack, browser: Browser) -> None:
    url = guest_url(stack, stack.fresh_table())
    a, b = await two_at_their_first_card(browser, url)
    async with pairing_off(stack):
        await go_on(a, b, to=2)
        await b.reloads()
        await go_on(b, a, to=3)
        await leaves(b)
        await a.sees("partner", presence="left")
        # A page that was there before learns of it when it asks.
        await a.from_menu("invite-again")
        await a.sees("problem", code="pairing_disabled")
        await a.tap("problem-close")
        await a.reloads()
        await expect(a.page.get_by_test_id("invite-another")).to_be_hidden()
        await a.tap("menu")
        await a.sees("go-alone")
        await expect(a.page.get_by_test_id("invite-again")).to_be_hidden()
        await a.tap("menu-sheet-close")
        await a.tap("move-next")
        await a.shows(4)
        c = await Guest.arrive(browser, url)
        await c.sees("dual-off")
        for way in ("start-two-phones", "join-with-code"):
            await expect(c.page.get_by_test_id(way)).to_be_hidden()
    for guest in (a, c):
        await guest.page.reload()
    await a.tap("invite-another")
    await a.sees("invite-sheet")
    code = await a.code()
    await a.tap("invite-sheet-close")
    await c.joins_with(code)
    await both_press_ready(a, c)
    for guest in (a, c):
        await guest.shows(4)
    assert not a.errors + b.errors + c.errors
