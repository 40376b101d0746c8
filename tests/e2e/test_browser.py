"""The story on two phones' browsers: isolated contexts, a phone's screen, nothing but taps, through nginx."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser, Response, Route, expect
from twotop_e2e.following import PollingFollower
from twotop_e2e.guest import BACK_WITHIN_S, Guest, both_press_ready, guest_url
from twotop_e2e.phone import Phone, pair
from twotop_e2e.stack import SHUT, Stack

GAME, VIETNAMESE = r"/assets/live-[^/]+\.js$", r"/assets/vi-[^/]+\.js$"

CAP = 10
WRONG = [f"{letter * 3}-{letter * 3}" for letter in "BCDFGH"]


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


async def test_two_phones_that_both_show_a_code_come_together(stack: Stack, browser: Browser) -> None:
    url = guest_url(stack, stack.fresh_table())
    a, b = [await Guest.arrive(browser, url) for _ in range(2)]
    code_a, code_b = await a.starts_for_two(), await b.starts_for_two("established")
    await a.tap("join-with-code")
    await expect(a.page.get_by_test_id("code-input")).to_be_focused()
    await a.page.go_back()
    assert await a.code() == code_a
    await a.joins_with(next(code for code in WRONG if code not in (code_a, code_b)))
    await a.sees("problem", code="code_invalid")
    await a.tap("back")
    assert await a.code() == code_a
    assert await a.page.get_by_test_id("problem").count() == 0

    await b.tap("join-with-code")
    async with a.page.expect_response(lambda response: "end_session" in (response.request.post_data or "")):
        await a.joins_with(code_b)
    for guest in (a, b):
        await guest.sees("screen-ready")
        await guest.sees("seat-partner", presence="online")
    late = await Guest.arrive(browser, url)
    await late.joins_with(code_a)
    await late.sees("problem", code="session_closed")
    await both_press_ready(a, b)
    assert not a.errors + b.errors


async def test_two_phones_that_type_each_others_codes_in_one_moment_come_together(
    stack: Stack, browser: Browser
) -> None:
    url = guest_url(stack, stack.fresh_table())
    a, b = [await Guest.arrive(browser, url) for _ in range(2)]
    code_a, code_b = await a.starts_for_two(), await b.starts_for_two()
    both_sent = asyncio.Barrier(2)

    async def hold(route: Route) -> None:
        await both_sent.wait()
        await route.continue_()

    for guest in (a, b):
        await guest.page.route("**/join-dual", hold)
    await asyncio.gather(a.joins_with(code_b), b.joins_with(code_a))
    for guest in (a, b):
        await guest.sees("screen-ready")
        await guest.sees("seat-partner", presence="online")
    await both_press_ready(a, b)


async def test_a_reload_resumes_where_the_phone_was(stack: Stack, browser: Browser) -> None:
    url = guest_url(stack, stack.fresh_table())
    a = await Guest.arrive(browser, url)
    code = await a.starts_for_two()
    b = await Guest.arrive(browser, url)
    await b.joins_with(code)
    await a.sees("screen-ready")
    await a.tap("ready-button")
    await b.sees("seat-partner", ready="true")
    await a.reloads()
    await a.sees("seat-you", ready="true")
    await b.tap("ready-button")
    await a.sees("question")
    await b.sees("question")
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
        await guest.is_cut_off()
    for number, before in enumerate(killed):
        await stack.back("realtime-gateway", number, before)
    for guest in (a, b):
        await guest.is_live(within_s=BACK_WITHIN_S)
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


async def test_a_closed_restaurant_says_when_it_opens(stack: Stack, browser: Browser) -> None:
    guest = await Guest.arrive(browser, guest_url(stack, stack.fresh_table(SHUT)))
    await guest.sees("table-status", status="closed")
    await expect(guest.page.get_by_test_id("table-status")).to_contain_text(re.compile(r"\d{1,2}:\d{2}"))
    await expect(guest.page.get_by_test_id("start-two-phones")).to_be_hidden()
    assert not guest.errors


async def test_a_wrong_code_has_words_and_a_way_on(stack: Stack, browser: Browser) -> None:
    url = guest_url(stack, stack.fresh_table())
    a = await Guest.arrive(browser, url)
    code = await a.starts_for_two()
    b = await Guest.arrive(browser, url)
    wrong = "BBB-BBB" if code != "BBB-BBB" else "CCC-CCC"
    await b.joins_with(wrong)
    await b.sees("problem", code="code_invalid")
    await b.tap("problem-other-code")
    await expect(b.page.get_by_test_id("code-input")).to_have_value(wrong)
    await b.types(code)
    await b.sees("screen-ready")


async def test_five_wrong_codes_withdraw_the_code_and_both_phones_are_told(stack: Stack, browser: Browser) -> None:
    url = guest_url(stack, stack.fresh_table())
    a = await Guest.arrive(browser, url)
    withdrawn = await a.starts_for_two()
    b = await Guest.arrive(browser, url)
    for turn, wrong in enumerate([code for code in WRONG if code != withdrawn][:5]):
        await (b.types(wrong) if turn else b.joins_with(wrong))
        await b.sees("problem", code="code_invalid")
        await b.tap("problem-other-code")
    await a.sees("code-gone", reason="withdrawn")
    await b.types(withdrawn)
    await b.sees("problem", code="code_expired")
    await a.tap("new-code")
    await a.sees("screen-waiting")
    await b.tap("problem-other-code")
    await b.types(await a.code())
    await a.sees("screen-ready")
    await b.sees("screen-ready")
    assert not a.errors + b.errors


async def test_a_table_with_too_many_sessions_has_words_and_a_way_to_ones_partner(
    stack: Stack, browser: Browser
) -> None:
    table = stack.fresh_table()
    async with Phone(stack) as first:
        await first.start(table, context="exploring")
        guest = await Guest.arrive(browser, guest_url(stack, table))
        async with AsyncExitStack() as parties:
            for _ in range(CAP - 1):
                party = await parties.enter_async_context(Phone(stack))
                await party.start(table, mode="single", context="exploring")
            await guest.tap("start-two-phones")
            await guest.tap("context-exploring")
            await guest.sees("problem", code="table_session_limit")
            await guest.tap("problem-join")
            await guest.types(first.code)
            await guest.sees("screen-ready")
        assert not guest.errors


async def test_a_game_whose_file_does_not_come_is_there_without_a_tap(stack: Stack, browser: Browser) -> None:
    guest = await Guest.arrive(browser, f"{stack.origin}/")
    await guest.misses(GAME, loads=2)
    await guest.page.goto(guest_url(stack, stack.fresh_table()))
    await guest.starts_alone()
    assert not guest.errors


async def test_a_game_that_even_a_new_page_did_not_bring_can_be_asked_for(stack: Stack, browser: Browser) -> None:
    guest = await Guest.arrive(browser, f"{stack.origin}/")
    await guest.misses(GAME, loads=3)
    await guest.page.goto(guest_url(stack, stack.fresh_table()))
    await guest.tap("start-one-phone")
    await guest.tap("context-exploring")
    await guest.tap("load-again")
    await guest.sees("screen-single")
    assert not guest.errors


async def test_a_language_whose_file_does_not_come_is_spoken_after_all(stack: Stack, browser: Browser) -> None:
    guest = await Guest.arrive(browser, guest_url(stack, stack.fresh_table()))
    await guest.misses(VIETNAMESE, loads=1)
    await guest.speaks("vi")
    await guest.sees("screen-decide")
    assert not guest.errors


async def test_the_first_view_is_served_compressed_under_a_strict_policy(stack: Stack, browser: Browser) -> None:
    sent: dict[str, Response] = {}

    def keep(answer: Response) -> None:
        sent[answer.request.resource_type] = answer

    guest = await Guest.arrive(browser, guest_url(stack, stack.fresh_table()))
    await guest.sees("location-name")
    guest.page.on("response", keep)
    await guest.page.reload()
    await guest.sees("location-name")
    for kind in ("document", "script", "stylesheet"):
        assert sent[kind].headers["content-encoding"] == "gzip", kind
    policy = sent["document"].headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
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


async def test_the_polling_page_reads_on_in_another_history(stack: Stack, browser: Browser) -> None:
    a, b = await pair(stack)
    async with a, b:
        watcher = await Guest.arrive(browser, f"{stack.origin}/demo/polling.html")
        # Where this tab was before the database was restored to an earlier state.
        before = json.dumps({"cursor": 99, "epoch": "restored since"})
        await watcher.page.evaluate(
            "([session, before]) => sessionStorage.setItem(`twotop.demo.cursor.${session}`, before)",
            [a.session_id, before],
        )
        await watcher.page.get_by_test_id("poll-session").fill(a.session_id)
        await watcher.page.get_by_test_id("poll-credential").fill(a.credential)
        await watcher.tap("poll-start")
        await watcher.sees("poll-status", state="following")
        cursor = watcher.page.get_by_test_id("poll-cursor")
        await expect(cursor).to_have_text("2")
        await b.command("set_ready", {"ready": True})
        await expect(watcher.page.locator("[data-testid=poll-events] [data-seq='3']")).to_have_count(1)
        await expect(cursor).to_have_text("3")
        assert not watcher.errors
        await a.close_session()
