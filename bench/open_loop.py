"""Open-loop load: work arrives at a fixed rate, whatever the system does.

A slow answer does not slow the next question, and what had to wait for the generator counts as waiting: latency begins
at the instant the work was due. Only within the resolution of the event loop's timer (2 ms) does it begin when the work
was really started, so that the generator's clock is not taken for the system's time.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

TIMER_RESOLUTION_S = 0.002


@dataclass
class Latencies:
    """Latencies in seconds of what was answered, and what was not."""

    offered: int = 0
    seconds: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    generator_lag: list[float] = field(default_factory=list)
    _complete: asyncio.Event = field(default_factory=asyncio.Event)

    def percentile(self, percent: float) -> float:
        """In seconds; infinity when nothing was answered. What failed counts as never answered."""
        missing = self.offered - len(self.seconds)
        ranked = sorted(self.seconds)
        position = max(0, math.ceil(percent / 100 * self.offered) - 1)
        return ranked[position] if ranked and position < self.offered - missing else float("inf")

    def record(self, began: float) -> None:
        """One answer has come now."""
        self.seconds.append(time.perf_counter() - began)
        if len(self.seconds) >= self.offered:
            self._complete.set()

    async def complete(self, timeout: float) -> None:
        """Wait until all that was offered is answered, or the time is over."""
        self._complete.clear()
        if len(self.seconds) + self.failures.total() < self.offered:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._complete.wait(), timeout)

    def milliseconds(self, percent: float) -> float:
        return self.percentile(percent) * 1000

    @property
    def answered(self) -> int:
        return len(self.seconds)


async def offer(
    rate: float, seconds: float, act: Callable[[int, float], Awaitable[None] | None], latencies: Latencies
) -> None:
    """Call ``act(number, began)`` at ``rate`` per second; what it returns runs on by itself, awaited at the end."""
    loop = asyncio.get_running_loop()
    running: set[asyncio.Future[None]] = set()
    total = int(rate * seconds)
    start = time.perf_counter() + 0.05
    for number in range(total):
        due = start + number / rate
        delay = due - time.perf_counter()
        if delay > 0:
            await asyncio.sleep(delay)
        elif number % 64 == 0:
            await asyncio.sleep(0)  # behind: let answers be read all the same
        now = time.perf_counter()
        latencies.offered += 1
        latencies.generator_lag.append(now - due)
        work = act(number, now if now - due <= TIMER_RESOLUTION_S else due)
        if work is not None:
            task = loop.create_task(_guard(work, latencies))
            running.add(task)
            task.add_done_callback(running.discard)
    if running:
        await asyncio.wait(running, timeout=30)


async def _guard(work: Awaitable[None], latencies: Latencies) -> None:
    try:
        await work
    except Exception as error:
        latencies.failures[type(error).__name__] += 1


def step(rate: float, latencies: Latencies, elapsed: float) -> dict[str, float]:
    """One step of a rising rate, for the record; with the generator's own lag, which must stay small to be believed."""
    lag = sorted(latencies.generator_lag)[int(len(latencies.generator_lag) * 0.99)]
    return {
        "offered_per_s": rate,
        "answered_per_s": latencies.answered / elapsed,
        "p50_ms": latencies.milliseconds(50),
        "p99_ms": latencies.milliseconds(99),
        "unanswered": latencies.offered - latencies.answered,
        "generator_lag_p99_ms": lag * 1000,
    }
