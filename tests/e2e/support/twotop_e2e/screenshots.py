"""`make screenshots`: pictures of every screen for docs/screenshots, taken from a system of their own."""

from __future__ import annotations

import asyncio
import base64
import tempfile
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Page, ViewportSize

from twotop_e2e.guest import chromium, speaks
from twotop_e2e.screens import every_screen
from twotop_e2e.stack import ROOT, Stack, private_stack

FOLDER = ROOT / "docs" / "screenshots"
QUALITY = 70
DARK = ("join", "card", "revealed", "menu")
"""These are taken in dark as well."""
IN_LANGUAGES = {"table": "es", "waiting": "de", "card": "vi"}
SIZES: dict[str, tuple[str, ViewportSize]] = {
    "card": ("tablet", {"width": 820, "height": 1180}),
    "revealed": ("small", {"width": 320, "height": 568}),
    "hint": ("sideways", {"width": 844, "height": 390}),
}
"""These are taken on another screen as well."""
STORY = ("waiting", "join-dark", "ready", "card")
"""Side by side in story.webp, for the first page."""
STRIP = """<body style="margin:0;padding:8px;display:flex;gap:16px;width:max-content;background:#fff">
{}</body>"""


async def photograph(page: Page, name: str) -> None:
    """What the phone shows from the top, as WebP, which Playwright's own screenshots are not."""
    await page.evaluate("scrollTo(0, 0)")
    await photograph_in_place(page, name)


async def photograph_in_place(page: Page, name: str) -> None:
    """As far as the page is scrolled."""
    devtools = await page.context.new_cdp_session(page)
    picture = await devtools.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    (FOLDER / f"{name}.webp").write_bytes(base64.b64decode(picture["data"]))
    await devtools.detach()


async def dressed(page: Page, scheme: Literal["light", "dark"]) -> None:
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")


async def on_another_screen(page: Page, name: str, size: ViewportSize) -> None:
    before = page.viewport_size
    assert before is not None
    await page.set_viewport_size(size)
    # As the app itself brings it into sight.
    await page.get_by_test_id(name.partition("-")[0]).evaluate("it => it.scrollIntoView({ block: 'nearest' })")
    await photograph_in_place(page, name)
    await page.set_viewport_size(before)


async def strip(browser: Browser) -> None:
    """The pictures of STORY in one."""
    phones = [base64.b64encode((FOLDER / f"{name}.webp").read_bytes()).decode() for name in STORY]
    page = await browser.new_page(viewport={"width": 1440, "height": 752})
    await page.set_content(
        STRIP.format("".join(f'<img width="344" src="data:image/webp;base64,{phone}">' for phone in phones))
    )
    await photograph(page, "story")


async def take(stack: Stack) -> None:
    async with chromium() as browser:
        async for screen in every_screen(browser, stack, str(stack.demo["tables"][4]["table_token"])):
            page = screen.page
            await dressed(page, "light")
            await photograph(page, screen.name)
            if screen.name in DARK:
                await dressed(page, "dark")
                await photograph(page, f"{screen.name}-dark")
                await dressed(page, "light")
            if language := IN_LANGUAGES.get(screen.name):
                await speaks(page, language)
                await photograph(page, f"{screen.name}-{language}")
                await speaks(page, "en")
            if other := SIZES.get(screen.name):
                await on_another_screen(page, f"{screen.name}-{other[0]}", other[1])
        await strip(browser)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="twotop-screenshots-") as folder:
        # Servers that run as users of their own have to reach it.
        Path(folder).chmod(0o755)
        with private_stack(Path(folder) / "main") as stack:
            asyncio.run(take(stack))


if __name__ == "__main__":
    main()
