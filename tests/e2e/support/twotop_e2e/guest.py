"""A guest's phone as a browser: an isolated context, a phone's screen, nothing but taps."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, BrowserContext, Page, Response, Route, WebSocket, async_playwright, expect

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
BACK_WITHIN_S = 5.0
"""After the return of the network, or of a gateway that is ready again, without a tap."""
LANGUAGES = ("vi", "es", "de", "en")
NOTE_WHEN_ASKED = """new MutationObserver(() => {
  if (document.querySelector("[data-testid=resume]")) window.askedToResume = true;
}).observe(document, { childList: true, subtree: true });"""
SEEN = """(state) => {
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
  document.dispatchEvent(new Event("visibilitychange"));
}"""

OF_THE_SESSION = """() => {
  const [, saved] = Object.entries(sessionStorage).find(([name]) => name.startsWith("twotop.session."));
  const { session_id, participant_id, credential } = JSON.parse(saved);
  return [session_id, participant_id, credential];
}"""


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
        self._frames: list[str] = []
        self._responses: list[Response] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("websocket", self._listen)
        page.on("response", self._keep)

    @classmethod
    async def arrive(cls, browser: Browser, url: str, *, script: str = "") -> Guest:
        """``script`` runs before the app's own, for a phone that has what this browser has not."""
        context = await browser.new_context(
            viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, device_scale_factor=2, locale="en"
        )
        context.set_default_timeout(PATIENCE_MS)
        await context.add_init_script(NOTE_WHEN_ASKED)
        if script:
            await context.add_init_script(script)
        return await cls._open(context, url)

    async def another_tab(self, url: str) -> Guest:
        """The same phone once more: what belongs to one tab alone is not there."""
        return await self._open(self.context, url)

    @classmethod
    async def _open(cls, context: BrowserContext, url: str) -> Guest:
        guest = cls(context, await context.new_page())
        await guest.page.goto(url)
        return guest

    def _note(self, kind: str, text: str) -> None:
        # The browser itself notes refused connections and error answers; what counts is the app and the policy.
        if kind == "error" and ("Content Security Policy" in text or "Uncaught" in text):
            self.errors.append(text)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: self._frames.append(str(frame)))

    def _keep(self, response: Response) -> None:
        self._responses.append(response)

    async def heard(self) -> str:
        """Everything that the app was told since this page was loaded, by socket and by HTTP."""
        api = [response for response in self._responses if "/api/" in response.url and response.ok]
        return "\n".join([*self._frames, *[await response.text() for response in api]])

    async def names_in_session(self) -> list[str]:
        """The ids of session and participant, and the credential, as this tab holds them."""
        names: list[str] = await self.page.evaluate(OF_THE_SESSION)
        return names

    async def tap(self, test_id: str) -> None:
        await self.page.get_by_test_id(test_id).tap()

    async def sees(self, test_id: str, **attributes: str) -> None:
        element = self.page.get_by_test_id(test_id)
        await expect(element).to_be_visible()
        for name, value in attributes.items():
            await expect(element).to_have_attribute(f"data-{name}", value)

    async def shows(self, position: int) -> None:
        """This card lies open."""
        await self.sees("card", position=str(position))

    async def from_menu(self, test_id: str) -> None:
        await self.tap("menu")
        await self.tap(test_id)

    async def speaks(self, language: str) -> None:
        await speaks(self.page, language)

    # -- the connection

    async def is_live(self, *, within_s: float = PATIENCE_MS / 1_000) -> None:
        state = self.page.get_by_test_id("connection-state")
        await expect(state).to_have_attribute("data-state", "live", timeout=within_s * 1_000)

    async def is_cut_off(self) -> None:
        await expect(self.page.get_by_test_id("connection-state")).not_to_have_attribute("data-state", "live")

    async def loses_network(self) -> None:
        await self.context.set_offline(True)
        await self.is_cut_off()

    async def finds_network(self) -> None:
        """And is back in time, without a tap."""
        await self.context.set_offline(False)
        await self.is_live(within_s=BACK_WITHIN_S)

    @asynccontextmanager
    async def out_of_sight(self) -> AsyncIterator[None]:
        """Locked, in a pocket, as the page is told of it: a browser without a screen hides none."""
        await self.page.evaluate(SEEN, "hidden")
        yield
        await self.page.evaluate(SEEN, "visible")

    async def reloads(self) -> None:
        """As a restored tab does. The session goes on by itself; the guest is never asked whether it should."""
        await self.page.reload()
        await self.is_live()
        assert not await self.page.evaluate("window.askedToResume === true")

    async def misses(self, files: str, *, loads: int) -> None:
        """From now on these files do not come until the page has been loaded this often: some browsers never ask again
        for a module that failed once, and a page of an older release asks in vain."""
        left = loads

        async def answer(route: Route) -> None:
            nonlocal left
            if route.request.is_navigation_request():
                left -= 1
            if left > 0 and re.search(files, route.request.url):
                await route.abort()
            else:
                await route.continue_()

        await self.page.route("**/*", answer)

    @asynccontextmanager
    async def kept_waiting(self, addresses: str) -> AsyncIterator[None]:
        """Requests to these stay under way, and go on to the server afterwards."""
        over = asyncio.Event()

        async def hold(route: Route) -> None:
            await over.wait()
            await route.continue_()

        await self.page.route(addresses, hold)
        try:
            yield
        finally:
            over.set()
            # Plain unroute would drop the requests while their handlers still wait to let them go.
            await self.page.unroute_all(behavior="wait")

    # -- ways into a session

    async def starts_alone(self, context: str = "exploring") -> None:
        """From the table's page to the first card."""
        await self.tap("start-one-phone")
        await self.tap(f"context-{context}")
        await self.tap("first-card")
        await self.shows(1)

    async def starts_for_two(self, context: str = "exploring") -> str:
        """From the table's page to the waiting screen. The code as shown."""
        await self.tap("start-two-phones")
        await self.tap(f"context-{context}")
        await self.sees("screen-waiting")
        return await self.code()

    async def code(self) -> str:
        """As it is shown, to be said aloud."""
        code = await self.page.get_by_test_id("pairing-code").get_attribute("data-code")
        assert code is not None
        assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{3}-[BCDFGHJKLMNPQRSTVWXZ]{3}", code)
        return code

    async def joins_with(self, code: str) -> None:
        await self.tap("join-with-code")
        await self.types(code)

    async def types(self, code: str) -> None:
        """Into the field that lies open."""
        await self.page.get_by_test_id("code-input").fill(code)
        await self.tap("join-submit")


async def speaks(page: Page, language: str) -> None:
    """The whole page, its card too."""
    await page.get_by_test_id("language").select_option(language)
    await expect(page.locator("html")).to_have_attribute("lang", language)
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)


def guest_url(stack: Stack, table: str) -> str:
    return f"{stack.origin}/t/{table}"


async def both_press_ready(*guests: Guest) -> None:
    for guest in guests:
        await guest.sees("screen-ready")
        await guest.tap("ready-button")
    for guest in guests:
        await guest.sees("question")


async def two_at_their_first_card(browser: Browser, url: str) -> tuple[Guest, Guest]:
    a = await Guest.arrive(browser, url)
    code = await a.starts_for_two()
    b = await Guest.arrive(browser, url)
    await b.joins_with(code)
    await both_press_ready(a, b)
    return a, b


async def agree(asks: Guest, grants: Guest, test_id: str = "move-next") -> None:
    """One wishes what this button says, the other says yes."""
    await asks.tap(test_id)
    await grants.tap("grant-wish")
