"""The guest app on a slow phone on a slow network: when the table's page reacts, and what blocks it while playing.

Chromium is slowed down fourfold, with 400 kbit/s each way and 150 ms there and back. Taps are touches; the page is only
asked where to, so that the measurement itself makes no long task.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from dataclasses import dataclass
from functools import partial
from typing import Any

from playwright.async_api import Page, async_playwright

from bench.phones import Pair, Phone, Restaurant

CPU_SLOWDOWN = 4
BYTES_A_SECOND = 400_000 // 8
ROUND_TRIP_MS = 150
CARDS = 10
PATIENCE_S = 60
ARGUMENTS = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]  # Chromium's sandbox is not for root

WATCH = """
window.bench = {longTasks: [], reactedAt: null};
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) bench.longTasks.push({at: task.startTime, ms: task.duration});
}).observe({type: "longtask", buffered: true});

bench.find = (id) => document.querySelector(`[data-testid="${id}"]`);
bench.frames = (look) => new Promise((found) => {
  const again = () => { const value = look(); value ? found(value) : requestAnimationFrame(again); };
  again();
});

// A guest who taps from the first moment on: at each frame until the page reacts.
bench.frames(() => {
  if (!bench.find("context-exploring")) { bench.find("start-one-phone")?.click(); return false; }
  return bench.reactedAt = performance.now();
});

// Where to touch, once the button is there, can be pressed (one just pressed rests a moment), and stands still.
let last = "";
bench.place = (id) => bench.frames(() => {
  const button = bench.find(id);
  if (!button || button.disabled || button.getAttribute("aria-disabled") === "true") return false;
  if (!button.closest(".controls")) button.scrollIntoView({block: "center"});
  const {x, y, width, height} = button.getBoundingClientRect();
  const place = {x: x + width / 2, y: y + height / 2}, now = `${id} ${place.x} ${place.y}`;
  const still = now === last;
  last = now;
  return still && place;
});
bench.card = (position) => bench.frames(() => bench.find("card")?.dataset.position === String(position));
"""


@dataclass(frozen=True)
class SlowPhone:
    """Milliseconds. Long tasks are those of 50 ms and more, by where they were met."""

    interactive_ms: float
    loading_tasks: list[float]
    playing_tasks: list[float]

    @property
    def longest_ms(self) -> float:
        """While playing; 0 when no task was long."""
        return max(self.playing_tasks, default=0.0)


async def slow_phone(gateway: str, table_token: str) -> SlowPhone:
    """Open a table's page for the first time, play some cards alone and some with a second phone, as guests do."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    async with async_playwright() as playwright, asyncio.timeout(PATIENCE_S):
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        context = await browser.new_context(
            viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, device_scale_factor=2, locale="en"
        )
        page = await context.new_page()
        await _slow_down(page)
        await page.add_init_script(WATCH)
        await page.goto(f"{gateway}/t/{table_token}", wait_until="commit")
        interactive: float = await page.evaluate("bench.frames(() => bench.reactedAt)")
        await _tap(page, "context-exploring")
        playing_since: float = await page.evaluate("bench.place('first-card').then(() => performance.now())")
        await _tap(page, "first-card")
        for position in range(1, CARDS + 1):
            await page.evaluate("(position) => bench.card(position)", position)
            if position < CARDS:
                await _tap(page, "move-next")
        await _play_with_another(page, Restaurant(gateway, [table_token]), table_token)
        # Long tasks are told after the fact: let two frames pass.
        tasks: list[dict[str, Any]] = await page.evaluate(
            "new Promise((told) => requestAnimationFrame(() => requestAnimationFrame(() => told(bench.longTasks))))"
        )
        await browser.close()
    return SlowPhone(
        interactive,
        [task["ms"] for task in tasks if task["at"] < playing_since],
        [task["ms"] for task in tasks if task["at"] >= playing_since],
    )


async def _play_with_another(page: Page, restaurant: Restaurant, table_token: str) -> None:
    """Invite, get ready, agree on cards in both directions, change the language, answer, reveal."""
    await _tap(page, "menu")
    await _tap(page, "invite-second")
    code: str = await page.evaluate("bench.frames(() => bench.find('pairing-code')?.dataset.code)")
    saved: str = await page.evaluate(
        "Object.entries(sessionStorage).find(([name]) => name.startsWith('twotop.session.'))[1]"
    )
    session: dict[str, str] = json.loads(saved)
    host = Phone(session["session_id"], session["participant_id"], session["credential"], "A")
    other = await restaurant.join(Pair(host, code, table_token))
    other.on_event = partial(_agree, other)
    await other.open_socket(restaurant.gateway)
    other.send_command("set_ready", {"ready": True})
    await _tap(page, "ready-button")
    await page.evaluate("(position) => bench.card(position)", CARDS)
    for position in range(CARDS + 1, 2 * CARDS, 2):
        await _tap(page, "move-next")
        await page.evaluate("(position) => bench.card(position)", position)
        other.send_command("request_next", {})
        await _tap(page, "grant-wish")
        await page.evaluate("(position) => bench.card(position)", position + 1)
    await page.get_by_test_id("language").select_option("vi")
    question: str = await page.evaluate(
        "bench.frames(() => document.documentElement.lang === 'vi'"
        " && bench.find('card')?.getAttribute('aria-busy') !== 'true' && bench.find('card').dataset.question)"
    )
    choice: str | None = await page.evaluate("document.querySelector('[data-testid^=choice-]')?.dataset.testid")
    if choice is None:
        await _tap(page, "write-answer")
        await page.keyboard.type("the boathouse")
        await _tap(page, "send-answer")
    else:
        await _tap(page, choice)
    answer = "the island" if choice is None else choice.removeprefix("choice-")
    other.send_command("give_answer", {"question_id": question, "answer": answer})
    await page.evaluate("bench.frames(() => bench.find('revealed'))")
    restaurant.http.close()


def _agree(other: Phone, event: dict[str, Any]) -> None:
    if event["type"] == "next_requested" and event["data"]["participant_id"] != other.participant_id:
        other.send_command("request_next", {})


async def _slow_down(page: Page) -> None:
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Network.enable")
    await devtools.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": ROUND_TRIP_MS,
            "downloadThroughput": BYTES_A_SECOND,
            "uploadThroughput": BYTES_A_SECOND,
        },
    )
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWDOWN})


async def _tap(page: Page, test_id: str) -> None:
    place = await page.evaluate("(id) => bench.place(id)", test_id)
    await page.touchscreen.tap(place["x"], place["y"])
