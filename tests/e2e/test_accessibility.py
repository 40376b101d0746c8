"""What every screen owes to those who see, hear or touch differently: WCAG 2.2 AA, small screens, four languages."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.async_api import Browser, Page, ViewportSize
from twotop_e2e.guest import LANGUAGES, speaks
from twotop_e2e.screens import SCREENS, every_screen
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
BEYOND = """() => {
  const edge = document.documentElement.clientWidth;
  return [...document.querySelectorAll("body *:not(svg *, .visually-hidden, .visually-hidden *)")]
    .map((element) => ({ element, box: element.getBoundingClientRect() }))
    .filter(({ element, box }) => element.checkVisibility() && (box.right > edge + 0.5 || box.left < -0.5))
    .map(({ element, box }) => `from ${box.left} to ${box.right} of ${edge}: ${element.outerHTML.slice(0, 200)}`);
}"""
TARGET_PX = 48
"""As web/README.md promises."""
SMALLEST: ViewportSize = {"width": 320, "height": 568}
WIDE: ViewportSize = {"width": 768, "height": 1024}
SIDEWAYS: ViewportSize = {"width": 844, "height": 390}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


async def sideways(page: Page) -> int:
    """By how many pixels the page or an open sheet is wider than the screen."""
    return int(
        await page.evaluate(
            """() => Math.max(...[document.scrollingElement, ...document.querySelectorAll("dialog[open]")]
              .map((element) => element.scrollWidth - element.clientWidth))"""
        )
    )


async def misfits(page: Page, size: ViewportSize) -> list[str]:
    """What does not fit on a screen of this size, or is too small on it for a finger."""
    await page.set_viewport_size(size)
    wider = await sideways(page)
    return [
        *([f"{wider} px wider than the screen"] if wider > 0 else []),
        *(f"cut off, {fault}" for fault in await page.evaluate(BEYOND)),
        *(f"small, {fault}" for fault in await page.evaluate(SMALL, TARGET_PX)),
    ]


async def breaches(page: Page) -> list[str]:
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = []
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [f"{scheme}: {fault}" for fault in await page.evaluate(FAULTS)]
    return found


@pytest.mark.timeout(420)
async def test_every_screen_keeps_to_the_guidelines_and_fits_in_every_language(stack: Stack, browser: Browser) -> None:
    faults: list[str] = []
    seen: list[str] = []
    async for screen in every_screen(browser, stack, stack.fresh_table()):
        page = screen.page
        seen.append(screen.name)
        before = page.viewport_size
        assert before is not None
        found = await breaches(page)
        for size in (before, WIDE, SIDEWAYS):
            found += await misfits(page, size)
        for language in LANGUAGES:
            await speaks(page, language)
            found += [f"{language}: {fault}" for fault in await misfits(page, SMALLEST)]
        await page.set_viewport_size(before)
        faults += [f"{screen.name}, {fault}" for fault in found]
    assert sorted(seen) == sorted(SCREENS)
    assert not faults, "\n".join(faults)
