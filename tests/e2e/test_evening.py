"""The manual QA list (docs/qa.md) as phones' browsers play it: one phone, two phones, lost connections, languages."""

from __future__ import annotations

import asyncio
import random

import pytest
from playwright.async_api import Browser, expect
from twotop_e2e.guest import BACK_WITHIN_S, Guest, agree, guest_url, two_at_their_first_card
from twotop_e2e.stack import Stack

LONG = pytest.mark.timeout(420)
LOSSES, RELOADS = 5, 3
OUTAGE_S = (1, 10)


async def test_one_phone_plays_twelve_questions_through_a_refresh(stack: Stack, browser: Browser) -> None:
    guest = await Guest.arrive(browser, guest_url(stack, stack.fresh_table()))
    await guest.starts_alone()
    read = []
    for number in range(1, 13):
        await guest.shows(number)
        read.append(await guest.page.get_by_test_id("question").inner_text())
        if number == 6:
            await guest.reloads()
            await guest.shows(6)
        await guest.tap("move-next")
    await guest.shows(13)
    assert len(set(read)) == 12
    await guest.tap("move-previous")
    await guest.shows(12)
    await guest.speaks("vi")
    await expect(guest.page.get_by_test_id("question")).not_to_have_text(read[-1])
    assert not guest.errors


async def test_two_phones_move_on_together_and_see_each_others_wish(stack: Stack, browser: Browser) -> None:
    a, b = await two_at_their_first_card(browser, guest_url(stack, stack.fresh_table()))
    await a.tap("move-next")
    await a.sees("wish-mine", wish="next")
    await b.sees("wish-theirs", wish="next")
    await b.shows(1)
    await a.tap("take-back")
    await expect(b.page.get_by_test_id("wish-theirs")).to_be_hidden()
    await agree(b, a)
    for guest in (a, b):
        await guest.shows(2)
    await b.tap("move-skip")
    await a.sees("wish-theirs", wish="skip")
    await a.tap("grant-wish")
    for guest in (a, b):
        await guest.shows(3)
    assert not a.errors + b.errors


async def test_the_game_goes_on_by_itself_after_a_restart_of_the_gateway(stack: Stack, browser: Browser) -> None:
    a, b = await two_at_their_first_card(browser, guest_url(stack, stack.fresh_table()))
    killed = [stack.kill("realtime-gateway", number) for number in range(stack.instances("realtime-gateway"))]
    for guest in (a, b):
        await guest.is_cut_off()
    for number, before in enumerate(killed):
        await stack.back("realtime-gateway", number, before)
    for guest in (a, b):
        await guest.is_live(within_s=BACK_WITHIN_S)
    await agree(a, b)
    for guest in (a, b):
        await guest.shows(2)
    assert not a.errors + b.errors


async def test_a_phone_that_slept_is_back_by_itself_with_what_it_missed(stack: Stack, browser: Browser) -> None:
    a, b = await two_at_their_first_card(browser, guest_url(stack, stack.fresh_table()))
    async with a.out_of_sight():
        await b.sees("partner", presence="away")
        await b.tap("move-next")
        await b.sees("wish-mine", wish="next")
    woken = asyncio.get_running_loop().time()
    await a.sees("wish-theirs", wish="next")
    await a.is_live()
    await b.sees("partner", presence="online")
    assert asyncio.get_running_loop().time() - woken < BACK_WITHIN_S
    await a.tap("grant-wish")
    for guest in (a, b):
        await guest.shows(2)
    assert not a.errors + b.errors


@LONG
async def test_a_whole_evening_of_sixty_questions_with_lost_connections(stack: Stack, browser: Browser) -> None:
    chance = random.Random(11)
    a, b = await two_at_their_first_card(browser, guest_url(stack, stack.fresh_table()))
    size = int(await a.page.get_by_test_id("card").get_attribute("data-size") or 0)
    assert size >= 60
    troubled = chance.sample(range(1, size + 1), LOSSES + RELOADS)
    losses, reloads = troubled[:LOSSES], troubled[LOSSES:]
    outages_s: list[float] = []
    read: list[str] = []
    for number in range(1, size + 1):
        for guest in (a, b):
            await guest.shows(number)
        read.append(await a.page.get_by_test_id("card").get_attribute("data-question") or "")
        assert read[-1] == await b.page.get_by_test_id("card").get_attribute("data-question")
        first, second = chance.sample((a, b), 2)
        if number in losses:
            await second.loses_network()
            # Every other outage is over as soon as the phone knows of it; the rest last, as in a lift.
            outages_s.append(chance.uniform(*OUTAGE_S) if len(outages_s) % 2 else 0)
            await asyncio.sleep(outages_s[-1])
            await second.finds_network()
        if number in reloads:
            await second.reloads()
            await second.shows(number)
        await agree(first, second)
    for guest in (a, b):
        await guest.sees("screen-finished")
    assert len(set(read)) == size
    assert len(outages_s) == LOSSES
    assert not a.errors + b.errors


async def test_answers_stay_hidden_until_both_have_answered(stack: Stack, browser: Browser) -> None:
    a, b = await two_at_their_first_card(browser, guest_url(stack, stack.fresh_table()))
    number = 1
    while not await a.page.get_by_test_id("write-answer").is_visible():
        await agree(a, b)
        number += 1
        for guest in (a, b):
            await guest.shows(number)
            await expect(guest.page.get_by_test_id("card")).not_to_have_attribute("aria-busy", "true")
    secret = "where the ferry used to land"

    async def sends(guest: Guest, words: str) -> None:
        await guest.page.get_by_test_id("answer-input").fill(words)
        await guest.tap("send-answer")

    half = a.page.get_by_test_id("answer-input")
    await a.tap("write-answer")
    await half.fill("where the fer")
    await a.reloads()
    await expect(half).to_have_value("where the fer")
    await a.tap("cancel-answer")
    await expect(half).to_be_hidden()
    await a.tap("write-answer")
    await expect(half).to_have_value("where the fer")
    await sends(a, secret)
    await b.sees("answer-marks", theirs="true")
    assert secret not in await b.page.content()
    assert secret not in await b.heard()
    await a.page.set_viewport_size({"width": 320, "height": 568})
    await a.page.evaluate("scrollTo(0, 0)")
    await b.tap("write-answer")
    await sends(b, "the bench behind the station, where the last train always came late")
    for guest in (a, b):
        await guest.sees("revealed")
    await expect(b.page.get_by_test_id("answer-theirs")).to_contain_text(secret)
    theirs = a.page.get_by_test_id("answer-theirs")
    await expect(theirs).to_be_in_viewport(ratio=1)
    controls = await a.page.locator(".controls").bounding_box()
    shown = await theirs.bounding_box()
    assert controls is not None
    assert shown is not None
    assert shown["y"] + shown["height"] <= controls["y"], "above the buttons"
    assert secret in await b.heard()
    assert not a.errors + b.errors
