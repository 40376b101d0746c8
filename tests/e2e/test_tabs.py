"""What a phone keeps of a session, and for whom: closed and second tabs, other browsers, the next party."""

from __future__ import annotations

from playwright.async_api import Browser, expect
from twotop_e2e.guest import Guest, agree, guest_url, two_at_their_first_card
from twotop_e2e.stack import Stack

KEPT = """() => JSON.stringify([
  ...[localStorage, sessionStorage].flatMap((storage) => Object.entries(storage)), document.cookie])"""
NAMES_KEPT = "() => [localStorage, sessionStorage].flatMap((storage) => Object.keys(storage))"
LANGUAGE = "twotop.language"
"""All that may outlast an evening."""


async def keeps_nothing(guest: Guest) -> None:
    assert set(await guest.page.evaluate(NAMES_KEPT)) <= {LANGUAGE}


async def test_a_closed_tab_goes_on_where_it_was_when_the_address_is_opened_anew(
    stack: Stack, browser: Browser
) -> None:
    url = guest_url(stack, stack.fresh_table())
    guest = await Guest.arrive(browser, url)
    await guest.starts_alone()
    await guest.tap("move-next")
    await guest.shows(2)
    question = await guest.page.get_by_test_id("question").inner_text()
    await guest.page.close()

    anew = await guest.another_tab(url)
    await anew.sees("screen-resume")
    await anew.tap("resume")
    await anew.shows(2)
    await expect(anew.page.get_by_test_id("question")).to_have_text(question)
    await anew.tap("move-next")
    await anew.shows(3)
    assert not guest.errors + anew.errors


async def test_the_next_party_finds_no_word_of_the_last_one(stack: Stack, browser: Browser) -> None:
    url = guest_url(stack, stack.fresh_table())
    a, b = await two_at_their_first_card(browser, url)
    await agree(a, b)
    for guest in (a, b):
        await guest.shows(2)
    words = [await a.page.get_by_test_id("question").inner_text()]
    for guest in (a, b):
        words += await guest.names_in_session()
    await a.from_menu("end-session")
    await a.tap("confirm-yes")
    for guest in (a, b):
        await guest.sees("session-ended")
        await keeps_nothing(guest)
        await guest.tap("start-again")
        await guest.sees("screen-decide")

    for next_party in (a, await b.another_tab(url), await Guest.arrive(browser, url)):
        await next_party.sees("screen-decide")
        await expect(next_party.page.get_by_test_id("resume")).to_be_hidden()
        await keeps_nothing(next_party)
        for word in words:
            assert word not in await next_party.page.content()
            assert word not in await next_party.page.evaluate(KEPT)
        assert not next_party.errors
    await a.starts_alone()


async def test_the_address_alone_brings_nobody_into_a_session(stack: Stack, browser: Browser) -> None:
    a, b = await two_at_their_first_card(browser, guest_url(stack, stack.fresh_table()))
    stranger = await Guest.arrive(browser, a.page.url)
    await stranger.sees("screen-decide")
    await expect(stranger.page.get_by_test_id("resume")).to_be_hidden()
    await expect(stranger.page.get_by_test_id("card")).to_be_hidden()
    for guest in (a, b):
        await guest.sees("partner", presence="online")


async def test_a_session_lives_in_one_tab_and_can_be_taken_back(stack: Stack, browser: Browser) -> None:
    url = guest_url(stack, stack.fresh_table())
    first = await Guest.arrive(browser, url)
    await first.starts_alone()
    second = await first.another_tab(url)
    await second.tap("resume")
    await second.shows(1)
    await first.sees("connection-state", state="replaced")
    await first.tap("use-here")
    await first.is_live()
    await second.sees("connection-state", state="replaced")
    await first.tap("move-next")
    await first.shows(2)
    assert not first.errors + second.errors


async def test_whoever_can_carry_on_may_start_something_new_instead(stack: Stack, browser: Browser) -> None:
    url = guest_url(stack, stack.fresh_table())
    earlier = await Guest.arrive(browser, url)
    await earlier.starts_alone()
    await earlier.tap("move-next")
    await earlier.shows(2)
    later = await earlier.another_tab(url)
    await later.tap("start-new")
    await later.sees("screen-decide")
    await later.starts_alone("established")
    await later.sees("card", position="1", context="established")
    await earlier.tap("move-next")
    await earlier.sees("card", position="3", context="exploring")
    assert not earlier.errors + later.errors
