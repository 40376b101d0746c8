"""Every screen of the guest app, in the order of an evening: for whatever is to be said of all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from playwright.async_api import Browser, Page, expect

from twotop_e2e.guest import Guest

GONE_MS = 40_000
"""A partner's phone is given 20 s before it is called gone."""


@dataclass(frozen=True)
class Screen:
    """What lies open on one phone. Whoever looks at it leaves it as it was."""

    name: str
    page: Page


async def every_screen(browser: Browser, url: str) -> AsyncIterator[Screen]:
    """Two phones and then one play at the table of ``url``; each new screen is handed out while it is open."""
    async for screen in two_phones(browser, url):
        yield screen
    async for screen in one_phone(browser, url):
        yield screen


async def two_phones(browser: Browser, url: str) -> AsyncIterator[Screen]:
    a = await Guest.arrive(browser, url)
    await a.sees("screen-decide")
    yield Screen("table", a.page)
    await a.tap("start-two-phones")
    await a.sees("screen-context")
    yield Screen("context", a.page)
    await a.tap("context-mature")
    await a.sees("screen-mature")
    yield Screen("mature", a.page)
    await a.tap("mature-no")
    await a.tap("context-exploring")
    await a.sees("join-qr", drawn="true")
    await a.is_live()
    yield Screen("waiting", a.page)

    code = await a.page.get_by_test_id("pairing-code").get_attribute("data-code") or ""
    b = await Guest.arrive(browser, url)
    await b.joins_with("BBB-BBB" if code != "BBB-BBB" else "CCC-CCC")
    await b.sees("problem", code="code_invalid")
    yield Screen("problem", b.page)
    await b.tap("problem-other-code")
    await b.page.get_by_test_id("code-input").fill(code)
    yield Screen("join", b.page)
    await b.tap("join-submit")
    await b.sees("screen-ready")
    await b.tap("ready-button")
    await a.sees("seat-partner", ready="true")
    await a.is_live()
    yield Screen("ready", a.page)
    await a.tap("ready-button")
    for guest in (a, b):
        await guest.sees("question")
    yield Screen("card", a.page)
    async for screen in _wish_and_answers(a, b):
        yield screen
    async for screen in _without_partner(a, b):
        yield screen


async def _wish_and_answers(a: Guest, b: Guest) -> AsyncIterator[Screen]:
    number = 1
    while not await a.page.get_by_test_id("write-answer").is_visible() or number == 1:
        await b.tap("move-next")
        await a.sees("wish-theirs", wish="next")
        if number == 1:
            yield Screen("wish-theirs", a.page)
            yield Screen("wish-mine", b.page)
        await a.tap("grant-wish")
        number += 1
        for guest in (a, b):
            await guest.sees("card", position=str(number))
            await expect(guest.page.get_by_test_id("card")).not_to_have_attribute("aria-busy", "true")
    await b.tap("write-answer")
    await b.page.get_by_test_id("answer-input").fill("The ferry at six in the morning.")
    yield Screen("writing", b.page)
    await b.tap("send-answer")
    await a.sees("answer-marks", theirs="true")
    await a.tap("write-answer")
    await a.page.get_by_test_id("answer-input").fill("My grandmother's kitchen.")
    await a.tap("send-answer")
    await a.sees("revealed")
    yield Screen("revealed", a.page)


async def _without_partner(a: Guest, b: Guest) -> AsyncIterator[Screen]:
    await b.tap("menu")
    await b.sees("menu-sheet")
    yield Screen("menu", b.page)
    await b.context.close()
    partner = a.page.get_by_test_id("partner")
    await expect(partner).to_have_attribute("data-presence", "gone", timeout=GONE_MS)
    yield Screen("partner-gone", a.page)
    await a.tap("menu")
    await a.tap("invite-again")
    await a.sees("invite-sheet")
    yield Screen("inviting", a.page)
    await a.tap("invite-sheet-close")
    await a.tap("menu")
    await a.tap("end-session")
    await a.sees("confirm")
    yield Screen("confirm", a.page)
    await a.tap("confirm-yes")
    await a.sees("session-ended")
    yield Screen("ended", a.page)
    await a.context.close()


async def one_phone(browser: Browser, url: str) -> AsyncIterator[Screen]:
    guest = await Guest.arrive(browser, url)
    await guest.tap("start-one-phone")
    await guest.tap("context-established")
    await guest.sees("screen-single")
    await guest.is_live()
    yield Screen("one-phone", guest.page)
    await guest.tap("first-card")
    await guest.sees("question")
    card = guest.page.get_by_test_id("card")
    size = int(await card.get_attribute("data-size") or 0)
    wanted = {"hint": "[data-testid=show-hint]", "choices": "[data-testid^=choice-]"}
    for number in range(1, size + 1):
        await guest.sees("card", position=str(number))
        for name, mark in list(wanted.items()):
            if await guest.page.locator(mark).first.is_visible():
                del wanted[name]
                if name == "hint":
                    await guest.tap("show-hint")
                    await guest.sees("hint")
                yield Screen(name, guest.page)
        if number == 2:
            async for screen in _offline(guest):
                yield screen
        await guest.tap("move-next")
    await guest.sees("screen-finished")
    yield Screen("finished", guest.page)
    await guest.context.close()


async def _offline(guest: Guest) -> AsyncIterator[Screen]:
    await guest.context.set_offline(True)
    await guest.sees("offline-note")
    yield Screen("offline", guest.page)
    await guest.tap("leaf")
    await guest.sees("screen-dealt")
    yield Screen("dealt", guest.page)
    await guest.context.set_offline(False)
    await guest.is_live()
    await guest.sees("card", position="2")
