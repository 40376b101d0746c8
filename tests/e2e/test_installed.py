"""What makes the page an app on a phone: installed, opened without a network, its screen kept on, swiped."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from urllib.parse import urljoin

from playwright.async_api import Browser, expect
from twotop_e2e.guest import Guest, agree, guest_url, two_at_their_first_card
from twotop_e2e.stack import Stack

# A browser's own wake lock, seen from the page: a page that is hidden loses it.
WAKE_LOCKS = """
window.locks = [];
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") for (const lock of window.locks) lock.release();
});
Object.defineProperty(navigator, "wakeLock", { value: { request: async (type) => {
  const lock = new EventTarget();
  const release = async () => {
    if (!lock.released) { lock.released = true; lock.dispatchEvent(new Event("release")); }
  };
  Object.assign(lock, { type, released: false, release });
  window.locks.push(lock);
  return lock;
} } });
"""
KEEPS_ON = "() => window.locks.filter(({ type, released }) => type === 'screen' && !released).length === 1"
KEEPS_NOTHING_ON = "() => window.locks.every(({ released }) => released)"
SIZE_OF = """async (source) => {
  const picture = new Image();
  picture.src = source;
  await picture.decode();
  return [picture.naturalWidth, picture.naturalHeight];
}"""
CONTROLLED = "() => navigator.serviceWorker.controller !== null"
SCOPE_OF_WORKER = "async () => (await navigator.serviceWorker.ready).scope"


async def test_the_app_can_be_installed(stack: Stack, browser: Browser) -> None:
    guest = await Guest.arrive(browser, guest_url(stack, stack.fresh_table()))
    devtools = await guest.context.new_cdp_session(guest.page)
    found: dict[str, Any] = await devtools.send("Page.getAppManifest")
    assert not found["errors"]
    answer = await guest.page.request.get(found["url"])
    assert "manifest+json" in answer.headers["content-type"]
    manifest: dict[str, Any] = await answer.json()
    assert manifest["display"] == "standalone"
    scope = urljoin(found["url"], manifest["scope"])
    assert urljoin(found["url"], manifest["start_url"]).startswith(scope)
    assert guest.page.url.startswith(scope)

    drawn: dict[str, set[int]] = {}
    for icon in manifest["icons"]:
        width, height = await guest.page.evaluate(SIZE_OF, urljoin(found["url"], icon["src"]))
        assert width == height > 0
        assert icon["sizes"] in ("any", f"{width}x{height}")
        drawn.setdefault(icon.get("purpose", "any"), set()).add(width)
    assert {192, 512} <= drawn["any"]
    assert drawn["maskable"]

    # It leaves the network to the guest until the first card can be read.
    await guest.starts_alone()
    await guest.page.wait_for_function(CONTROLLED)
    assert await guest.page.evaluate(SCOPE_OF_WORKER) == scope
    assert not guest.errors


async def test_a_reload_without_a_network_shows_the_cards_and_goes_on_by_itself(stack: Stack, browser: Browser) -> None:
    guest = await Guest.arrive(browser, guest_url(stack, stack.fresh_table()))
    await guest.starts_alone()
    await guest.page.wait_for_function(CONTROLLED)
    question = guest.page.get_by_test_id("question")
    read = []
    for number in (1, 2, 3):
        await guest.shows(number)
        read.append(await question.inner_text())
        if number < 3:
            await guest.tap("move-next")
    # What the browser happens to remember may be gone by then: only what the service worker keeps counts.
    devtools = await guest.context.new_cdp_session(guest.page)
    await devtools.send("Network.clearBrowserCache")
    await guest.loses_network()
    await guest.page.reload()
    await guest.sees("screen-dealt")
    await guest.is_cut_off()
    await leafs_back(guest, read)
    # A closed tab has taken its own memory with it; opened as an app, without an address, the phone still knows.
    anew = await guest.another_tab(stack.origin)
    await guest.page.close()
    await anew.tap("resume")
    await leafs_back(anew, read)
    await anew.finds_network()
    await anew.shows(3)
    await anew.tap("move-next")
    await anew.shows(4)
    assert not guest.errors + anew.errors


async def leafs_back(guest: Guest, read: list[str]) -> None:
    question = guest.page.get_by_test_id("question")
    await guest.sees("screen-dealt")
    for words, earlier in pairwise(reversed(read)):
        await expect(question).to_have_text(words)
        await guest.tap("leaf-earlier")
        await expect(question).to_have_text(earlier)


async def test_the_screen_stays_on_while_a_card_lies_open(stack: Stack, browser: Browser) -> None:
    guest = await Guest.arrive(browser, guest_url(stack, stack.fresh_table()), script=WAKE_LOCKS)
    await guest.tap("start-one-phone")
    await guest.tap("context-exploring")
    await guest.sees("screen-single")
    assert await guest.page.evaluate("window.locks.length") == 0
    await guest.tap("first-card")
    await guest.page.wait_for_function(KEEPS_ON)
    async with guest.out_of_sight():
        assert await guest.page.evaluate(KEEPS_NOTHING_ON)
    await guest.page.wait_for_function(KEEPS_ON)
    await guest.from_menu("end-session")
    await guest.tap("confirm-yes")
    await guest.sees("session-ended")
    await guest.page.wait_for_function(KEEPS_NOTHING_ON)
    assert not guest.errors


async def swipe(guest: Guest, *, towards: str) -> None:
    """A finger over most of the card. It waits, as a tap does, until the card takes part."""
    await expect(guest.page.get_by_test_id("move-skip")).to_be_enabled()
    box = await guest.page.get_by_test_id("card").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 3
    edges = [box["x"] + box["width"] * part for part in (0.85, 0.6, 0.4, 0.15)]
    path = edges if towards == "left" else edges[::-1]
    devtools = await guest.context.new_cdp_session(guest.page)
    for kind, x in zip(("touchStart", "touchMove", "touchMove", "touchMove"), path, strict=True):
        await devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    await devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    await devtools.detach()


async def test_a_swipe_to_the_left_is_next_and_to_the_right_is_back(stack: Stack, browser: Browser) -> None:
    guest = await Guest.arrive(browser, guest_url(stack, stack.fresh_table()))
    await guest.starts_alone()
    await swipe(guest, towards="left")
    await guest.shows(2)
    await swipe(guest, towards="left")
    await guest.shows(3)
    await swipe(guest, towards="right")
    await guest.shows(2)
    await expect(guest.page.get_by_test_id("move-skip")).to_be_enabled()
    await guest.page.keyboard.press("ArrowRight")
    await guest.shows(3)
    assert not guest.errors


async def test_a_swipe_on_one_of_two_phones_is_a_wish(stack: Stack, browser: Browser) -> None:
    a, b = await two_at_their_first_card(browser, guest_url(stack, stack.fresh_table()))
    await agree(a, b)
    for guest in (a, b):
        await guest.shows(2)
    for towards, wish in (("left", "next"), ("right", "previous")):
        await swipe(a, towards=towards)
        await a.sees("wish-mine", wish=wish)
        await b.sees("wish-theirs", wish=wish)
    await b.tap("grant-wish")
    for guest in (a, b):
        await guest.shows(1)
    assert not a.errors + b.errors
