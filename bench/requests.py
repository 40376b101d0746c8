"""Calls over HTTP: starting sessions, joining until both phones know, and durable commands by the second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from bench.cpu import CpuMeter
from bench.open_loop import Latencies, offer, step
from bench.phones import Pair, Phone, Restaurant, in_parallel


async def create_sessions(restaurant: Restaurant, rate: float, seconds: float) -> Latencies:
    """``POST /sessions`` of dual sessions."""
    latencies = Latencies()
    made: list[Pair] = []

    async def create(_: int, began: float) -> None:
        made.append(await restaurant.start("dual"))
        latencies.record(began)

    await offer(rate, seconds, create, latencies)
    await _close_all(restaurant, [pair.a for pair in made])
    return latencies


async def join_to_both_phones(restaurant: Restaurant, rate: float, seconds: float) -> Latencies:
    """From ``join-dual`` until ``partner_joined`` is on both sockets. B opens its socket with its new credential."""
    pairs: list[Pair] = await in_parallel(int(rate * seconds), 4, lambda: restaurant.start("dual"))
    for pair in pairs:
        await pair.a.open_socket(restaurant.gateway)
    latencies = Latencies()

    async def join(number: int, began: float) -> None:
        pair = pairs[number]
        a_knows, b_knows = asyncio.Event(), asyncio.Event()
        pair.a.on_event = lambda event: _when_joined(event, a_knows)
        b = await restaurant.join(pair)
        b.on_event = lambda event: _when_joined(event, b_knows)
        await b.open_socket(restaurant.gateway)
        async with asyncio.timeout(10):
            await a_knows.wait()
            await b_knows.wait()
        latencies.record(began)

    await offer(rate, seconds, join, latencies)
    for pair in pairs:
        if pair.b is not None and pair.b.socket is not None:
            pair.b.socket.close()
    await _close_all(restaurant, [pair.a for pair in pairs])
    return latencies


def _when_joined(event: dict[str, Any], known: asyncio.Event) -> None:
    if event["type"] == "partner_joined":
        known.set()


async def commands_at(
    restaurant: Restaurant, phones: list[Phone], ready: dict[str, bool], rate: float, seconds: float
) -> Latencies:
    """``POST …/events`` at this rate over these phones, which toggle ready; the answer comes after the commit."""
    latencies = Latencies()

    async def command(number: int, began: float) -> None:
        phone = phones[number % len(phones)]
        ready[phone.session_id] = not ready.get(phone.session_id, False)
        await restaurant.command(phone, "set_ready", {"ready": ready[phone.session_id]})
        latencies.record(began)

    await offer(rate, seconds, command, latencies)
    return latencies


async def most_durable_commands(
    restaurant: Restaurant,
    rates: Iterable[float],
    seconds: float,
    meter: CpuMeter,
    bound_ms: float = 100.0,
    pairs: int = 100,
) -> tuple[float, list[dict[str, Any]]]:
    """The highest of these rates at which all are answered with p99 within the bound; and every step on the way."""
    seated = await in_parallel(pairs, 8, restaurant.paired)
    phones: list[Phone] = [pair.a for pair, _ in seated]
    ready: dict[str, bool] = {}
    best, steps = 0.0, list[dict[str, Any]]()
    for rate in rates:
        # A partner who is not heard of for 30 s need not be waited for: being ready alone would begin the game.
        for _, partner in seated:
            await restaurant.look(partner)
        began = time.perf_counter()
        meter.start()
        latencies = await commands_at(restaurant, phones, ready, rate, seconds)
        elapsed = time.perf_counter() - began
        steps.append({**step(rate, latencies, elapsed), "cpu_us": meter.per(latencies.answered)})
        if latencies.milliseconds(99) > bound_ms:
            break
        best = rate
        await asyncio.sleep(0.5)
    await _close_all(restaurant, phones)
    return best, steps


async def _close_all(restaurant: Restaurant, phones: list[Phone]) -> None:
    remaining = list(phones)
    await in_parallel(len(phones), 8, lambda: restaurant.close(remaining.pop()))


async def plain_answers(restaurant: Restaurant, path: str, rate: float, seconds: float) -> Latencies:
    """The hop through the front door: a small GET at this rate."""
    latencies = Latencies()

    async def get(_: int, began: float) -> None:
        answer = await restaurant.http.request("GET", path)
        if answer.status == 200:
            latencies.record(began)

    await offer(rate, seconds, get, latencies)
    return latencies
