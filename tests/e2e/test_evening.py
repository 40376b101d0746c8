"""The manual QA list (docs/qa.md) as phones' browsers play it: one phone, two phones, lost connections, languages."""

from __future__ import annotations

import random

import pytest
from playwright.async_api import Browser, expect
from twotop_e2e.guest import Guest, both_press_ready, guest_url
from twotop_e2e.stack import Stack

LONG = pytest.mark.timeout(420)


async def position(guest: Guest) -> int:
    """Of the card that lies open."""
    return int(await guest.page.get_by_test_id("card").get_attribute("data-position") or 0)


async def shows(guest: Guest, wanted: int) -> None:
    await guest.sees("card", position=str(wanted))


async def two_at_their_first_card(stack: Stack, browser: Browser) -> tuple[Guest, Guest]:
    url = guest_url(stack, stack.fresh_table())
    a = await Guest.arrive(browser, url)
    code = await a.starts_for_two()
    b = await Guest.arrive(browser, url)
    await b.joins_with(code)
    await both_press_ready(a, b)
    return a, b


async def test_one_phone_plays_twelve_questions_through_a_refresh(stack: Stack, browser: Browser) -> None:
    guest = await Guest.arrive(browser, guest_url(stack, stack.fresh_table()))
    await guest.tap("start-one-phone")
    await guest.tap("context-exploring")
    await guest.tap("first-card")
    read = []
    for number in range(1, 13):
        await shows(guest, number)
        read.append(await guest.page.get_by_test_id("question").inner_text())
        if number == 6:
            await guest.page.reload()
            resume = guest.page.get_by_test_id("resume")
            card = guest.page.get_by_test_id("card")
            await expect(resume.or_(card)).to_be_visible()
            if await resume.is_visible():
                await resume.tap()
            await shows(guest, 6)
        await guest.tap("move-next")
    await shows(guest, 13)
    assert len(set(read)) == 12
    await guest.tap("move-previous")
    await shows(guest, 12)
    await guest.page.get_by_test_id("language").select_option("vi")
    await expect(guest.page.get_by_test_id("question")).not_to_have_text(read[-1])
    assert not guest.errors


async def test_two_phones_move_on_together_and_see_each_others_wish(stack: Stack, browser: Browser) -> None:
    a, b = await two_at_their_first_card(stack, browser)
    await a.tap("move-next")
    await a.sees("wish-mine", wish="next")
    await b.sees("wish-theirs", wish="next")
    await shows(b, 1)
    await a.tap("take-back")
    await expect(b.page.get_by_test_id("wish-theirs")).to_be_hidden()
    await b.tap("move-next")
    await a.tap("grant-wish")
    for guest in (a, b):
        await shows(guest, 2)
    assert not a.errors + b.errors


async def test_the_game_goes_on_by_itself_after_a_restart_of_the_gateway(stack: Stack, browser: Browser) -> None:
    a, b = await two_at_their_first_card(stack, browser)
    killed = [stack.kill("realtime-gateway", number) for number in range(stack.instances("realtime-gateway"))]
    for number, before in enumerate(killed):
        await stack.back("realtime-gateway", number, before)
    for guest in (a, b):
        await guest.is_live()
    await a.tap("move-next")
    await b.tap("grant-wish")
    for guest in (a, b):
        await shows(guest, 2)
    assert not a.errors + b.errors


@LONG
async def test_a_whole_evening_of_sixty_questions_with_lost_connections(stack: Stack, browser: Browser) -> None:
    chance = random.Random(11)
    a, b = await two_at_their_first_card(stack, browser)
    size = int(await a.page.get_by_test_id("card").get_attribute("data-size") or 0)
    assert size >= 60
    read: list[str] = []
    for number in range(1, size + 1):
        for guest in (a, b):
            await shows(guest, number)
        read.append(await a.page.get_by_test_id("card").get_attribute("data-question") or "")
        assert read[-1] == await b.page.get_by_test_id("card").get_attribute("data-question")
        first, second = chance.sample((a, b), 2)
        if chance.random() < 0.15:
            for offline in (True, False):
                await second.context.set_offline(offline)
        if chance.random() < 0.05:
            await second.page.reload()
            resume = second.page.get_by_test_id("resume")
            await expect(resume.or_(second.page.get_by_test_id("card"))).to_be_visible()
            if await resume.is_visible():
                await resume.tap()
            await shows(second, number)
        await first.tap("move-next")
        await second.tap("grant-wish")
    for guest in (a, b):
        await guest.sees("screen-finished")
    assert len(set(read)) == size
    assert not a.errors + b.errors


async def test_answers_stay_hidden_until_both_have_answered(stack: Stack, browser: Browser) -> None:
    a, b = await two_at_their_first_card(stack, browser)
    while not await a.page.get_by_test_id("write-answer").is_visible():
        now = await position(a)
        await a.tap("move-next")
        await b.tap("grant-wish")
        for guest in (a, b):
            await shows(guest, now + 1)
    secret = "where the ferry used to land"
    for guest, words in ((a, secret), (b, "no idea")):
        await guest.tap("write-answer")
        await guest.page.get_by_test_id("answer-input").fill(words)
        if guest is b:
            assert secret not in await b.page.content()
        await guest.tap("send-answer")
    for guest in (a, b):
        await guest.sees("revealed")
    await expect(b.page.get_by_test_id("answer-theirs")).to_contain_text(secret)
    assert not a.errors + b.errors
