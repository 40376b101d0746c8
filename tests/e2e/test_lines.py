"""Two guests play while a line loses what was said into it, and where sockets never come up at all."""

from __future__ import annotations

import re

from playwright.async_api import Browser, expect
from twotop_e2e.guest import BACK_WITHIN_S, Guest, agree, both_press_ready, guest_url
from twotop_e2e.stack import Stack

from twotop_common.testing.proxy import proxied

CONNECTED = re.compile("live|polling")
NO_SOCKETS = """
const Real = WebSocket;
window.WebSocket = class extends Real {
  constructor(url) { super(url.replace("/ws/", "/no-such-path/")); }
};
"""


async def test_a_tap_into_a_line_that_is_dead_counts_once_when_the_line_is_back(stack: Stack, browser: Browser) -> None:
    url = guest_url(stack, stack.fresh_table())
    async with proxied(stack.origin) as line:
        a = await Guest.arrive(browser, url)
        code = await a.starts_for_two()
        b = await Guest.arrive(browser, url.replace(stack.origin, line.url))
        await b.joins_with(code)
        await both_press_ready(a, b)
        for number in range(1, 7):
            for guest in (a, b):
                await guest.shows(number)
            if number % 2:
                # Lost for certain; the others may or may not have been heard.
                line.freeze()
            await b.tap("move-next")
            await line.cut()
            await b.is_cut_off()
            await line.restore()
            state = b.page.get_by_test_id("connection-state")
            await expect(state).to_have_attribute("data-state", CONNECTED, timeout=BACK_WITHIN_S * 1_000)
            await a.tap("grant-wish")
        for guest in (a, b):
            await guest.shows(7)
        await expect(b.page.get_by_test_id("wish-mine")).to_be_hidden()
        assert not a.errors + b.errors


async def test_a_guest_whose_network_lets_no_socket_through_plays_like_any_other(
    stack: Stack, browser: Browser
) -> None:
    url = guest_url(stack, stack.fresh_table())
    a = await Guest.arrive(browser, url)
    code = await a.starts_for_two()
    b = await Guest.arrive(browser, url, script=NO_SOCKETS)
    await b.joins_with(code)
    await both_press_ready(a, b)
    state = b.page.get_by_test_id("connection-state")
    await expect(state).to_have_attribute("data-state", "polling")
    number = 1
    for asks, grants in ((a, b), (b, a)):
        await agree(asks, grants)
        number += 1
        for guest in (a, b):
            await guest.shows(number)
    while not await a.page.get_by_test_id("write-answer").is_visible():
        await agree(b, a)
        number += 1
        for guest in (a, b):
            await guest.shows(number)
            await expect(guest.page.get_by_test_id("card")).not_to_have_attribute("aria-busy", "true")
    for guest, words in ((a, "a slow boat"), (b, "a night train")):
        await guest.tap("write-answer")
        await guest.page.get_by_test_id("answer-input").fill(words)
        await guest.tap("send-answer")
    for guest, theirs in ((a, "a night train"), (b, "a slow boat")):
        await guest.sees("revealed")
        await expect(guest.page.get_by_test_id("answer-theirs")).to_contain_text(theirs)
    await b.page.reload()
    await b.sees("revealed")
    await b.shows(number)
    await a.from_menu("end-session")
    await a.tap("confirm-yes")
    for guest in (a, b):
        await guest.sees("screen-ended")
    assert not a.errors + b.errors


async def test_both_guests_may_be_without_sockets(stack: Stack, browser: Browser) -> None:
    url = guest_url(stack, stack.fresh_table())
    a = await Guest.arrive(browser, url, script=NO_SOCKETS)
    code = await a.starts_for_two()
    b = await Guest.arrive(browser, url, script=NO_SOCKETS)
    await b.joins_with(code)
    await both_press_ready(a, b)
    for number in range(1, 4):
        for guest in (a, b):
            await guest.shows(number)
        await agree(*((a, b) if number % 2 else (b, a)))
    for guest in (a, b):
        await guest.shows(4)
    assert not a.errors + b.errors
