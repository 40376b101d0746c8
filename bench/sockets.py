"""A command on one phone's socket until its event is on the other phone's; and the hop without rules, ping to pong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from bench.cpu import CpuMeter
from bench.open_loop import Latencies, offer, step
from bench.phones import Phone, Restaurant, in_parallel


async def command_to_other_phone(
    restaurant: Restaurant, rate: float, seconds: float, pairs: int, meter: CpuMeter
) -> tuple[Latencies, Latencies]:
    """Latencies at the other phone and, of the same commands, at the sender. A toggles ready; B never does."""
    phones: list[tuple[Phone, Phone]] = await in_parallel(pairs, 8, restaurant.connected_pair)
    other, own = Latencies(), Latencies()
    began_other: dict[str, float] = {}
    began_own: dict[str, float] = {}

    def arrived_at_other(event: dict[str, Any]) -> None:
        began = began_other.pop(event["command_id"] or "", None)
        if began is not None:
            other.record(began)

    def arrived_at_sender(event: dict[str, Any]) -> None:
        began = began_own.pop(event["command_id"] or "", None)
        if began is not None:
            own.record(began)

    for a, b in phones:
        a.on_event, b.on_event = arrived_at_sender, arrived_at_other
        a.on_other = lambda message: _refused(other, message)

    def send(number: int, began: float) -> None:
        turn, place = divmod(number, len(phones))
        command_id = phones[place][0].send_command("set_ready", {"ready": turn % 2 == 0})
        began_other[command_id] = began_own[command_id] = began
        own.offered += 1

    warm = Latencies()
    await offer(rate, 2 * pairs / rate, send, warm)  # an even number of turns, so that the next begins with ready again
    await asyncio.sleep(0.5)
    own.offered = 0
    other.seconds.clear()
    own.seconds.clear()
    meter.start()
    await offer(rate, seconds, send, other)
    await other.complete(5)
    await own.complete(1)
    for a, _ in phones:
        await restaurant.close(a)
    for _, b in phones:
        if b.socket is not None:
            b.socket.close()
    return other, own


async def most_durable_commands(
    restaurant: Restaurant,
    rates: Iterable[float],
    seconds: float,
    meter: CpuMeter,
    bound_ms: float = 100.0,
    pairs: int = 200,
) -> tuple[float, list[dict[str, Any]]]:
    """As for HTTP: the highest of these rates with p99, until the sender's own event is back, within the bound."""
    phones: list[Phone] = [a for a, _ in await in_parallel(pairs, 8, restaurant.connected_pair)]
    best, steps = 0.0, list[dict[str, Any]]()
    turn = 0
    for rate in rates:
        latencies = Latencies()
        waiting: dict[str, float] = {}

        def arrived(
            event: dict[str, Any], latencies: Latencies = latencies, waiting: dict[str, float] = waiting
        ) -> None:
            began = waiting.pop(event["command_id"] or "", None)
            if began is not None:
                latencies.record(began)

        for phone in phones:
            phone.on_event = arrived

        def send(number: int, began: float, waiting: dict[str, float] = waiting, turn: int = turn) -> None:
            lap, place = divmod(turn + number, len(phones))
            waiting[phones[place].send_command("set_ready", {"ready": lap % 2 == 0})] = began

        began = time.perf_counter()
        meter.start()
        await offer(rate, seconds, send, latencies)
        await latencies.complete(5)
        elapsed = time.perf_counter() - began
        steps.append({**step(rate, latencies, elapsed), "cpu_us": meter.per(latencies.answered)})
        turn += latencies.offered
        if latencies.milliseconds(99) > bound_ms:
            break
        best = rate
    for phone in phones:
        await restaurant.close(phone)
    return best, steps


async def ping_to_pong(restaurant: Restaurant, rate: float, seconds: float, phones: int = 100) -> Latencies:
    """The hop phone, nginx, gateway and back."""
    started = await in_parallel(phones, 8, lambda: restaurant.start("single"))
    crowd: list[Phone] = [pair.a for pair in started]
    latencies = Latencies()
    for phone in crowd:
        await phone.open_socket(restaurant.gateway)
    waiting: dict[int, list[float]] = {id(phone): [] for phone in crowd}

    def answered(phone: Phone, message: dict[str, Any]) -> None:
        if message["type"] == "pong":
            latencies.record(waiting[id(phone)].pop(0))

    for phone in crowd:
        phone.on_other = lambda message, phone=phone: answered(phone, message)

    def send(number: int, began: float) -> None:
        phone = crowd[number % len(crowd)]
        waiting[id(phone)].append(began)
        phone.ping()

    await offer(rate, seconds, send, latencies)
    await latencies.complete(5)
    for phone in crowd:
        await restaurant.close(phone)
    return latencies


def _refused(latencies: Latencies, message: dict[str, Any]) -> None:
    if message["type"] == "rejected":
        latencies.failures[message["problem"].get("code", "?")] += 1
