"""A whole room plays at once: from the second phone's "next" until the question lies open on the other phone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from bench.open_loop import Latencies, offer
from bench.phones import Phone, Restaurant, in_parallel

CARD_EVERY_S = 2.0
PRESSES_A_CARD = 2


class PlayingPair:
    """Two phones of which one asks for the next card and then the other agrees; who asks takes turns.

    On the last card both ask to start afresh, which opens a question as well.
    """

    def __init__(self, a: Phone, b: Phone, shown: Latencies) -> None:
        self.phones = (a, b)
        self.shown = shown
        self.opened = asyncio.Event()
        self._presses = 0
        self._wish = ""
        self._last_card = False
        self._agreed_at: dict[str, float] = {}
        for phone in self.phones:
            phone.on_event = lambda event, phone=phone: self._arrived(phone, event)
            phone.on_other = self._answered

    def get_ready(self) -> None:
        for phone in self.phones:
            phone.send_command("set_ready", {"ready": True})

    def press(self, began: float) -> None:
        """The next press of this pair: a wish, or the agreement to it, whose latency counts from ``began``."""
        card, agrees = divmod(self._presses, PRESSES_A_CARD)
        self._presses += 1
        if not agrees:
            self._wish = "start_afresh" if self._last_card else "request_next"
        presser = self.phones[(card + agrees) % 2]
        command_id = presser.send_command(self._wish, {})
        if agrees:
            self.shown.offered += 1
            self._agreed_at[command_id] = began

    def _arrived(self, phone: Phone, event: dict[str, Any]) -> None:
        if event["type"] != "question_shown":
            return
        self._last_card = event["data"]["position"] == event["data"]["size"]
        self.opened.set()
        if event["by"] != phone.participant_id:
            began = self._agreed_at.pop(event["command_id"] or "", None)
            if began is not None:
                self.shown.record(began)

    def _answered(self, message: dict[str, Any]) -> None:
        if message["type"] == "rejected":
            self.shown.failures[message["problem"].get("code", "?")] += 1


async def next_to_other_phone(restaurant: Restaurant, sessions: int, seconds: float) -> Latencies:
    """Latencies from agreeing to ``question_shown`` at the phone that had asked. Each session has a card every 2 s."""
    shown = Latencies()
    couples: list[tuple[Phone, Phone]] = await in_parallel(sessions, 8, restaurant.connected_pair)
    pairs = [PlayingPair(a, b, shown) for a, b in couples]
    await _first_card(pairs)
    rate = sessions * PRESSES_A_CARD / CARD_EVERY_S

    def press(number: int, began: float) -> None:
        pairs[number % sessions].press(began)

    await offer(rate, CARD_EVERY_S, press, Latencies())  # one card each, to warm up
    await shown.complete(5)
    shown.offered = 0
    shown.seconds.clear()
    cards = max(1, round(seconds / CARD_EVERY_S))  # whole ones, so that each wish is agreed to
    await offer(rate, cards * CARD_EVERY_S, press, Latencies())
    await shown.complete(5)
    for a, b in couples:
        await restaurant.close(a)
        if b.socket is not None:
            b.socket.close()
    return shown


async def _first_card(pairs: Sequence[PlayingPair]) -> None:
    for pair in pairs:
        pair.get_ready()
    async with asyncio.timeout(10):
        for pair in pairs:
            await pair.opened.wait()
