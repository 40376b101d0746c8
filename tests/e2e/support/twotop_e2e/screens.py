"""Every screen of the guest app, in the order of an evening: for whatever is to be said of all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

from playwright.async_api import Browser, Page, WebSocketRoute, expect

from twotop_e2e.guest import LANGUAGES, Guest, guest_url, two_at_their_first_card
from twotop_e2e.phone import Phone
from twotop_e2e.stack import BRIEF, HURRY, SHUT, Stack

SCREENS = (
    "loading",
    "landing",
    "closed",
    "disabled",
    "unknown",
    "table",
    "context",
    "mature",
    "waiting",
    "resume",
    "hidden-code",
    "withdrawn",
    "expired",
    "ended-by-itself",
    "joining",
    "not-joined",
    "problem",
    "join",
    "ready-waiting",
    "ready",
    "both-ready",
    "card",
    "wish-theirs",
    "wish-mine",
    "writing",
    "answered",
    "partner-answered",
    "revealed",
    "both-chose",
    "two-wishes",
    "mature-wish",
    "mature-confirm",
    "menu",
    "other-questions",
    "partner-gone",
    "inviting",
    "confirm",
    "ended",
    "left",
    "partner-left",
    "not-ready",
    "alone-confirm",
    "lost",
    "one-phone",
    "hint",
    "choices",
    "offline",
    "dealt",
    "afresh-confirm",
    "replaced",
    "finished",
)
"""Every name that ``every_screen`` hands out."""
GUESSES = 5
GONE_MS = 40_000
"""A partner's phone is given 20 s before it is called gone."""


@dataclass(frozen=True)
class Screen:
    """What lies open on one phone. Whoever looks at it leaves it as it was."""

    name: str
    page: Page


async def every_screen(browser: Browser, stack: Stack, table: str) -> AsyncIterator[Screen]:
    """Guests come to tables that are not to be had, then to ``table``; each screen is handed out while it is open."""
    url = guest_url(stack, table)
    async for screen in no_table(browser, stack):
        yield screen
    async for screen in two_phones(browser, url):
        yield screen
    async for screen in first_card_on_its_way(browser, url):
        yield screen
    async for screen in codes_of_no_use(browser, stack, table):
        yield screen
    async for screen in partner_leaves(browser, url):
        yield screen
    async for screen in partner_never_ready(browser, url):
        yield screen
    async for screen in one_phone(browser, url):
        yield screen


async def no_table(browser: Browser, stack: Stack) -> AsyncIterator[Screen]:
    tables = {
        "closed": stack.fresh_table(SHUT),
        "disabled": str(stack.demo["disabled_table_token"]),
        "unknown": "nobody-printed-this",
    }
    guest = await Guest.arrive(browser, stack.origin)
    await guest.sees("screen-landing")
    yield Screen("landing", guest.page)
    async with guest.kept_waiting("**/api/**"):
        await guest.page.goto(guest_url(stack, tables["unknown"]))
        await guest.sees("screen-loading")
        yield Screen("loading", guest.page)
    for status, table in tables.items():
        await guest.page.goto(guest_url(stack, table))
        await guest.sees("table-status", status=status)
        yield Screen(status, guest.page)
    await guest.context.close()


async def codes_of_no_use(browser: Browser, stack: Stack, table: str) -> AsyncIterator[Screen]:
    """A code that only the closed tab knew, one that was guessed at too often, one that ran out."""
    a = await Guest.arrive(browser, guest_url(stack, table))
    await a.starts_for_two()
    anew = await a.another_tab(guest_url(stack, table))
    await anew.sees("screen-resume")
    yield Screen("resume", anew.page)
    await a.page.close()
    await anew.tap("resume")
    await anew.sees("code-gone", reason="hidden")
    await anew.is_live()
    yield Screen("hidden-code", anew.page)
    await anew.tap("new-code")
    await anew.sees("screen-waiting")
    wrong = "BBB-BBB" if await anew.code() != "BBB-BBB" else "CCC-CCC"
    async with Phone(stack) as stranger:
        for _ in range(GUESSES):
            await stranger.until_answered(lambda: stranger.try_join(table, code=wrong))
    await anew.sees("code-gone", reason="withdrawn")
    yield Screen("withdrawn", anew.page)
    await anew.context.close()

    late = await Guest.arrive(browser, guest_url(stack, stack.fresh_table(BRIEF)))
    await late.tap("start-two-phones")
    await late.tap("context-exploring")
    await late.sees("code-gone", reason="expired")
    await late.is_live()
    yield Screen("expired", late.page)
    await late.context.close()

    slow = await Guest.arrive(browser, guest_url(stack, stack.fresh_table(HURRY)))
    await slow.tap("start-one-phone")
    await slow.tap("context-exploring")
    await slow.sees("session-ended")
    yield Screen("ended-by-itself", slow.page)
    await slow.context.close()

    with_link = await Guest.arrive(browser, stack.origin)
    link = f"{guest_url(stack, table)}#join={uuid4()}.nobody-was-given-this"
    async with with_link.kept_waiting("**/sessions/join*"):
        await with_link.page.goto(link)
        await with_link.sees("screen-joining")
        yield Screen("joining", with_link.page)
    other = await Guest.arrive(browser, link)
    await other.sees("screen-not-joined")
    yield Screen("not-joined", other.page)
    for guest in (with_link, other):
        await guest.context.close()


async def partner_leaves(browser: Browser, url: str) -> AsyncIterator[Screen]:
    a, b = await two_at_their_first_card(browser, url)
    await b.from_menu("other-context")
    await b.tap("context-mature")
    await b.tap("mature-yes")
    await a.sees("wish-theirs", wish="context")
    yield Screen("mature-wish", a.page)
    await a.tap("grant-wish")
    await a.sees("confirm")
    yield Screen("mature-confirm", a.page)
    await a.tap("confirm-no")
    await b.from_menu("leave-session")
    await b.tap("confirm-yes")
    await b.sees("screen-left")
    yield Screen("left", b.page)
    await b.context.close()
    await a.sees("partner", presence="left")
    yield Screen("partner-left", a.page)
    await a.context.close()


async def partner_never_ready(browser: Browser, url: str) -> AsyncIterator[Screen]:
    """One goes on alone because the other's phone is gone before the game; that one comes back too late."""
    a = await Guest.arrive(browser, url)
    code = await a.starts_for_two()
    b = await Guest.arrive(browser, url)
    await b.joins_with(code)
    await b.sees("screen-ready")
    await b.is_live()
    async with b.out_of_sight():
        await expect(a.page.get_by_test_id("partner-gone")).to_be_visible(timeout=GONE_MS)
        yield Screen("not-ready", a.page)
        await a.tap("go-alone")
        await a.sees("confirm")
        yield Screen("alone-confirm", a.page)
        await a.tap("confirm-yes")
        await a.sees("screen-single")
        await a.context.close()
    await b.sees("screen-lost")
    yield Screen("lost", b.page)
    await b.context.close()


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

    code = await a.code()
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
    await b.sees("seat-you", ready="true")
    yield Screen("ready-waiting", b.page)
    await a.sees("seat-partner", ready="true")
    await a.is_live()
    yield Screen("ready", a.page)
    await a.tap("ready-button")
    for guest in (a, b):
        await guest.sees("question")
    yield Screen("card", a.page)
    async for screen in _wishes_and_answers(a, b):
        yield screen
    async for screen in _without_partner(a, b):
        yield screen


async def first_card_on_its_way(browser: Browser, url: str) -> AsyncIterator[Screen]:
    """Both are ready, and A has not heard of the card yet."""
    a = await Guest.arrive(browser, url)
    await a.page.route_web_socket("**/ws/**", _without_cards)
    await a.page.reload()
    # What the socket left out is asked for.
    async with a.kept_waiting("**/events*"):
        code = await a.starts_for_two()
        b = await Guest.arrive(browser, url)
        await b.joins_with(code)
        for guest in (a, b):
            await guest.sees("screen-ready")
            await guest.tap("ready-button")
        await b.sees("question")
        await a.sees("screen-both")
        yield Screen("both-ready", a.page)
    for guest in (a, b):
        await guest.context.close()


def _without_cards(socket: WebSocketRoute) -> None:
    server = socket.connect_to_server()
    server.on_message(lambda frame: None if "question_shown" in str(frame) else socket.send(frame))


async def _wishes_and_answers(a: Guest, b: Guest) -> AsyncIterator[Screen]:
    answers = {"[data-testid=write-answer]": _in_words, "[data-testid^=choice-]": _alike}
    number = 1
    while answers or number < 3:
        for mark in list(answers):
            if await a.page.locator(mark).first.is_visible():
                async for screen in answers.pop(mark)(a, b):
                    yield screen
        await b.tap("move-next")
        await a.sees("wish-theirs", wish="next")
        if number == 1:
            yield Screen("wish-theirs", a.page)
            yield Screen("wish-mine", b.page)
        if number == 2:
            await a.tap("move-previous")
            await a.sees("wish-mine", wish="previous")
            yield Screen("two-wishes", a.page)
        await a.tap("grant-wish")
        number += 1
        for guest in (a, b):
            await guest.shows(number)
            await expect(guest.page.get_by_test_id("card")).not_to_have_attribute("aria-busy", "true")


async def _in_words(a: Guest, b: Guest) -> AsyncIterator[Screen]:
    await b.tap("write-answer")
    await b.page.get_by_test_id("answer-input").fill("The ferry at six in the morning.")
    yield Screen("writing", b.page)
    await b.tap("send-answer")
    await b.sees("answer-marks", mine="true")
    yield Screen("answered", b.page)
    await a.sees("answer-marks", theirs="true")
    yield Screen("partner-answered", a.page)
    await a.tap("write-answer")
    await a.page.get_by_test_id("answer-input").fill("My grandmother's kitchen.")
    await a.tap("send-answer")
    await a.sees("revealed")
    yield Screen("revealed", a.page)


async def _alike(a: Guest, b: Guest) -> AsyncIterator[Screen]:
    for guest in (b, a):
        await guest.page.locator("[data-testid^=choice-]").first.tap()
    await a.sees("both-chose")
    yield Screen("both-chose", a.page)


async def _without_partner(a: Guest, b: Guest) -> AsyncIterator[Screen]:
    await b.tap("menu")
    await b.sees("menu-sheet")
    yield Screen("menu", b.page)
    await b.tap("other-context")
    await b.sees("screen-context")
    yield Screen("other-questions", b.page)
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
    wanted = {"hint": "[data-testid=show-hint]", "choices": "[data-testid=choices-read]"}
    for number in range(1, size + 1):
        await guest.shows(number)
        for name, mark in list(wanted.items()):
            if await guest.page.locator(mark).first.is_visible():
                del wanted[name]
                if name == "hint":
                    await guest.tap("show-hint")
                    await guest.sees("hint")
                yield Screen(name, guest.page)
        if number == 2:
            async for screen in _interrupted(guest):
                yield screen
        await guest.tap("move-next")
    await guest.sees("screen-finished")
    yield Screen("finished", guest.page)
    await guest.context.close()


async def _interrupted(guest: Guest) -> AsyncIterator[Screen]:
    """At the second card. It lies open again afterwards."""
    await guest.from_menu("start-afresh")
    await guest.sees("confirm")
    yield Screen("afresh-confirm", guest.page)
    await guest.tap("confirm-no")
    await guest.tap("menu-sheet-close")

    elsewhere = await guest.another_tab(guest.page.url)
    await elsewhere.tap("resume")
    await guest.sees("connection-state", state="replaced")
    yield Screen("replaced", guest.page)
    await elsewhere.page.close()
    await guest.tap("use-here")
    await guest.is_live()

    # Without a network the cards can be read in the languages that they were read in before.
    for language in LANGUAGES:
        await guest.speaks(language)
    await guest.loses_network()
    await guest.sees("offline-note")
    yield Screen("offline", guest.page)
    await guest.tap("leaf")
    await guest.sees("screen-dealt")
    yield Screen("dealt", guest.page)
    await guest.finds_network()
    await guest.shows(2)
