"""A guest's phone as a browser: an isolated context, a phone's screen, nothing but taps."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

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


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The browser of this machine."""
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
        await guest.sees("question")
