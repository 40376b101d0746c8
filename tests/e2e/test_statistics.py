"""The anonymous analytics line of the QA list: an evening in two browsers, and all that is kept of it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import asyncpg
from playwright.async_api import Browser
from twotop_e2e.guest import agree, guest_url, two_at_their_first_card
from twotop_e2e.stack import QUIET, Stack

from twotop_common.testing.eventually import eventually

CUT_OVER = timedelta(hours=4)
PLAYED = Counter(
    {
        ("session_created", None): 1,
        ("partner_joined", None): 1,
        ("both_ready", None): 1,
        ("question_viewed", None): 3,
        ("question_advanced", "next"): 1,
        ("question_advanced", "skip"): 1,
        ("session_ended", "ended_by_guest"): 1,
    }
)


def counted(stack: Stack) -> Counter[tuple[str, str | None]]:
    """What happened today where nobody else plays."""
    day = (datetime.now(UTC) - CUT_OVER).date().isoformat()
    found = json.loads(stack.operate("statistics", QUIET, day, "--json"))
    return Counter({(row["kind"], row["reason"]): row["events"] for row in found["counts"]})


async def test_an_evening_is_counted_and_nothing_in_the_counts_is_anybodys(stack: Stack, browser: Browser) -> None:
    table = stack.fresh_table(QUIET)
    before = counted(stack)
    a, b = await two_at_their_first_card(browser, guest_url(stack, table))
    parties = {table, *[word for guest in (a, b) for word in await guest.names_in_session()]}
    for number, button in ((2, "move-next"), (3, "move-skip")):
        await agree(a, b, button)
        for guest in (a, b):
            await guest.shows(number)
    parties |= {await guest.page.get_by_test_id("question").inner_text() for guest in (a, b)}
    await a.from_menu("end-session")
    await a.tap("confirm-yes")
    await b.sees("session-ended")

    def all_is_counted() -> bool:
        assert counted(stack) - before == PLAYED
        return True

    await eventually(all_is_counted, interval_s=0.5)
    connection = await asyncpg.connect(stack.database_url("session-api"))
    try:
        kept = await connection.fetch("SELECT to_jsonb(row) AS row FROM analytics_events AS row")
    finally:
        await connection.close()
    columns = {"id", "kind", "location_id", "service_day", "mode", "context", "reason", "duration_s", "count"}
    assert all(json.loads(one["row"]).keys() == columns for one in kept)
    everything = " ".join(one["row"] for one in kept)
    assert not [word for word in parties if word in everything]
    assert not a.errors + b.errors
