"""What every screen owes to those who see, hear or touch differently: WCAG 2.2 AA, narrow screens, large targets."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect
from twotop_e2e.guest import Guest, both_press_ready, guest_url
from twotop_e2e.screens import every_screen
from twotop_e2e.stack import ROOT, Stack

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
# Evaluated in the page, because its policy allows no script but the app's own.
FAULTS = """async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const rules = { "target-size": { enabled: true } };
  const { violations } = await axe.run(document, { runOnly: tags, rules, resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, any }) => `${id}: ${html} ${any[0]?.message ?? ""}`));
}"""
SMALL = """(least) => [...document.querySelectorAll("button, select, input, textarea, a[href]")]
  .map((element) => ({ element, box: element.getBoundingClientRect() }))
  .filter(({ element, box }) => element.checkVisibility() && Math.min(box.width, box.height) < least)
  .map(({ element, box }) => `${box.width}x${box.height}: ${element.outerHTML}`)"""
TARGET_PX = 44
NARROW_AND_WIDE = (320, 768)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


async def sideways(page: Page) -> int:
    """By how many pixels the page or an open sheet is wider than the screen."""
    return int(
        await page.evaluate(
            """() => Math.max(...[document.scrollingElement, ...document.querySelectorAll("dialog[open]")]
              .map((element) => element.scrollWidth - element.clientWidth))"""
        )
    )


@pytest.mark.timeout(420)
async def test_every_screen_keeps_to_the_guidelines(stack: Stack, browser: Browser) -> None:
    axe = AXE.read_text(encoding="utf-8")
    faults: list[str] = []
    seen: list[str] = []
    async for screen in every_screen(browser, guest_url(stack, stack.fresh_table())):
        page = screen.page
        seen.append(screen.name)
        if not await page.evaluate("'axe' in window"):
            await page.evaluate(axe)
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            faults += [f"{screen.name}, {scheme}: {fault}" for fault in await page.evaluate(FAULTS)]
        faults += [f"{screen.name}: {fault}" for fault in await page.evaluate(SMALL, TARGET_PX)]
        before = page.viewport_size
        assert before is not None
        for width in NARROW_AND_WIDE:
            await page.set_viewport_size({"width": width, "height": 844})
            if (beyond := await sideways(page)) > 0:
                faults.append(f"{screen.name}: {beyond} px beyond {width}")
        await page.set_viewport_size(before)
    assert {"table", "waiting", "problem", "card", "wish-theirs", "revealed", "menu", "finished"} <= set(seen)
    assert not faults, "\n".join(faults)


async def _fits_in_every_language(page: Page, test_id: str) -> None:
    languages = page.get_by_test_id("language")
    for language in ("vi", "es", "de", "en"):
        await languages.select_option(language)
        await expect(page.locator("html")).to_have_attribute("lang", language)
        await expect(page.get_by_test_id(test_id)).to_be_visible()
        await expect(page.locator("[aria-busy=true]")).to_have_count(0)
        for width in NARROW_AND_WIDE:
            await page.set_viewport_size({"width": width, "height": 844})
            assert await sideways(page) <= 0, f"{test_id} in {language} at {width} px"


async def test_nothing_is_wider_than_the_screen_in_any_language(stack: Stack, browser: Browser) -> None:
    url = guest_url(stack, stack.fresh_table())
    a = await Guest.arrive(browser, url)
    await _fits_in_every_language(a.page, "screen-decide")
    code = await a.starts_for_two()
    await _fits_in_every_language(a.page, "screen-waiting")
    b = await Guest.arrive(browser, url)
    await b.joins_with(code)
    await both_press_ready(a, b)
    await b.tap("move-next")
    await a.sees("wish-theirs")
    await _fits_in_every_language(a.page, "card")
