"""The story on two phones' browsers: isolated contexts, a phone's screen, nothing but taps, through nginx."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from twotop_e2e.following import PollingFollower
from twotop_e2e.phone import Phone, pair
from twotop_e2e.stack import Stack

ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Chromium's own sandbox does not work for root.
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]
PATIENCE_MS = 15_000


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        await browser.close()


class Guest:
    """One phone: a browser context of its own, with everything that went wrong in it."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.context = context
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self._note(message.type, message.text))

    @classmethod
    async def arrive(cls, browser: Browser, url: str) -> Guest:
        context = await browser.new_context(
            viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, device_scale_factor=2, locale="en"
        )
        context.set_default_timeout(PATIENCE_MS)
        guest = cls(context, await context.new_page())
        await guest.page.goto(url)
        return guest

    def _note(self, kind: str, text: str) -> None:
        # The browser itself notes refused connections and error answers; what counts is the app and the policy.
        if kind == "error" and ("Content Security Policy" in text or "Uncaught" in text):
            self.errors.append(text)

    async def tap(self, test_id: str) -> None:
        await self.page.get_by_test_id(test_id).tap()

    async def sees(self, test_id: str, **attributes: str) -> None:
        element = self.page.get_by_test_id(test_id)
        await expect(element).to_be_visible()
        for name, value in attributes.items():
            await expect(element).to_have_attribute(f"data-{name}", value)

    async def is_live(self) -> None:
        await expect(self.page.get_by_test_id("connection-state")).to_have_attribute("data-state", "live")

    async def starts_for_two(self, context: str = "exploring") -> str:
        """From the table's page to the waiting screen. The code as shown."""
        await self.tap("start-two-phones")
        await self.tap(f"context-{context}")
        await self.sees("screen-waiting")
        code = await self.page.get_by_test_id("pairing-code").get_attribute("data-code")
        assert code is not None
        assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{3}-[BCDFGHJKLMNPQRSTVWXZ]{3}", code)
        return code

    async def joins_with(self, code: str) -> None:
        await self.tap("join-with-code")
        await self.page.get_by_test_id("code-input").fill(code)
        submit = self.page.get_by_test_id("join-submit")
        if await submit.is_visible() and await submit.is_enabled():
            await submit.tap()


def guest_url(stack: Stack, table: str) -> str:
    return f"{stack.origin}/t/{table}"


async def both_press_ready(*guests: Guest) -> None:
    for guest in guests:
        await guest.sees("screen-ready")
        await guest.tap("ready-button")
    for guest in guests:
        await guest.sees("both-here")


async def test_two_phones_pair_by_code_and_are_both_ready(stack: Stack, browser: Browser) -> None:
    url = guest_url(stack, stack.fresh_table())
    a = await Guest.arrive(browser, url)
    code = await a.starts_for_two()
    b = await Guest.arrive(browser, url)
    await b.joins_with(code.lower())
    await a.sees("screen-ready")
    await b.sees("screen-ready")
    await a.sees("seat-partner", presence="online")
    await both_press_ready(a, b)
    assert not a.errors + b.errors


async def test_the_join_link_pairs_and_leaves_the_address_bar(stack: Stack, browser: Browser) -> None:
    table = stack.fresh_table()
    async with Phone(stack) as a:
        await a.start(table, context="exploring")
        async with PollingFollower(a) as on_a:
            b = await Guest.arrive(browser, a.join_url)
            await b.sees("screen-ready")
            await on_a.until_type("partner_joined")
            assert "join=" not in b.page.url
            assert not b.errors
            await a.close_session()
            await b.sees("session-ended")


async def test_a_reload_resumes_where_the_phone_was(stack: Stack, browser: Browser) -> None:
    url = guest_url(stack, stack.fresh_table())
    a = await Guest.arrive(browser, url)
    code = await a.starts_for_two()
    b = await Guest.arrive(browser, url)
    await b.joins_with(code)
    await a.sees("screen-ready")
    await a.tap("ready-button")
    await b.sees("seat-partner", ready="true")
    await a.page.reload()
    resume = a.page.get_by_test_id("resume")
    await expect(resume.or_(a.page.get_by_test_id("screen-ready"))).to_be_visible()
    if await resume.is_visible():
        await resume.tap()
    await a.sees("seat-you", ready="true")
    await b.tap("ready-button")
    await a.sees("both-here")
    await b.sees("both-here")
    assert not a.errors + b.errors


async def test_a_lost_gateway_needs_no_tap(stack: Stack, browser: Browser) -> None:
    url = guest_url(stack, stack.fresh_table())
    a = await Guest.arrive(browser, url)
    code = await a.starts_for_two()
    b = await Guest.arrive(browser, url)
    await b.joins_with(code)
    for guest in (a, b):
        await guest.sees("screen-ready")
        await guest.is_live()
    killed = [stack.kill("realtime-gateway", number) for number in range(stack.instances("realtime-gateway"))]
    for guest in (a, b):
        await expect(guest.page.get_by_test_id("connection-state")).not_to_have_attribute("data-state", "live")
    for number, before in enumerate(killed):
        await stack.back("realtime-gateway", number, before)
    for guest in (a, b):
        await guest.is_live()
    await both_press_ready(a, b)
    assert not a.errors + b.errors


async def test_a_guest_at_an_occupied_table_starts_another_session(stack: Stack, browser: Browser) -> None:
    url = guest_url(stack, stack.fresh_table())
    a = await Guest.arrive(browser, url)
    first = await a.starts_for_two("exploring")
    newcomer = await Guest.arrive(browser, url)
    second = await newcomer.starts_for_two("established")
    assert first != second
    await a.sees("screen-waiting")


@pytest.mark.parametrize("status", ["closed", "disabled"])
async def test_a_table_that_cannot_be_used_says_so(stack: Stack, browser: Browser, status: str) -> None:
    guest = await Guest.arrive(browser, guest_url(stack, stack.demo[f"{status}_table_token"]))
    await guest.sees("table-status", status=status)
    assert not guest.errors


async def test_a_wrong_code_has_words_and_a_way_on(stack: Stack, browser: Browser) -> None:
    url = guest_url(stack, stack.fresh_table())
    a = await Guest.arrive(browser, url)
    code = await a.starts_for_two()
    b = await Guest.arrive(browser, url)
    await b.joins_with("BBB-BBB" if code != "BBB-BBB" else "CCC-CCC")
    await b.sees("problem", code="code_invalid")
    await b.page.get_by_test_id("problem-other-code").tap()
    await b.page.get_by_test_id("code-input").fill(code)
    submit = b.page.get_by_test_id("join-submit")
    if await submit.is_visible() and await submit.is_enabled():
        await submit.tap()
    await b.sees("screen-ready")


async def test_the_first_view_is_served_compressed_under_a_strict_policy(stack: Stack, browser: Browser) -> None:
    guest = await Guest.arrive(browser, guest_url(stack, stack.fresh_table()))
    await guest.sees("location-name")
    answer = await guest.page.request.get(guest_url(stack, stack.fresh_table()))
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy or "default-src 'self'" in policy
    assert "unsafe-inline" not in policy
    assert not guest.errors


async def test_the_polling_page_follows_a_table_without_a_socket(stack: Stack, browser: Browser) -> None:
    a, b = await pair(stack)
    async with a, b:
        watcher = await Guest.arrive(browser, f"{stack.origin}/demo/polling.html")
        sockets: list[str] = []
        watcher.page.on("websocket", lambda socket: sockets.append(socket.url))
        await watcher.page.get_by_test_id("poll-session").fill(a.session_id)
        await watcher.page.get_by_test_id("poll-credential").fill(a.credential)
        await watcher.tap("poll-start")
        cursor = watcher.page.get_by_test_id("poll-cursor")
        await expect(cursor).to_have_text("2")
        await b.command("set_ready", {"ready": True})
        await expect(watcher.page.locator("[data-testid=poll-events] [data-type=ready_changed]")).to_have_count(1)
        before = stack.kill("session-api")
        await stack.back("session-api", 0, before)
        await b.command("set_ready", {"ready": False})
        await expect(cursor).to_have_text("4")
        await expect(watcher.page.locator("[data-testid=poll-events] [data-type=ready_changed]")).to_have_count(2)
        assert not sockets
        assert not watcher.errors
        await a.close_session()
