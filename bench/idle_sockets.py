"""What an idle socket costs the gateway: resident memory with and without thousands of phones that say nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import psutil

from bench.phones import Pair, Restaurant, Unexpected, in_parallel
from bench.wire import ConnectionLost


@dataclass(frozen=True)
class IdleCost:
    """Bytes of resident memory, all gateway processes together."""

    sockets: int
    before: int
    after: int

    @property
    def kilobytes_each(self) -> float:
        return (self.after - self.before) / self.sockets / 1000


async def idle_sockets(restaurant: Restaurant, pids: list[int], count: int) -> IdleCost:
    """Open ``count`` sockets of as many sessions, let them rest, and weigh the gateway processes.

    The sessions are left as they are: run this last.
    """
    pairs: list[Pair] = await in_parallel(count, 8, lambda: restaurant.start("single"))
    first, rest = pairs[:50], list(pairs[50:])
    for pair in first:  # what the first phones make the gateway load is not theirs
        await pair.a.open_socket(restaurant.gateway)
    await asyncio.sleep(2)
    before = _resident(pids)

    pinging = asyncio.create_task(_ping_all(pairs))
    await in_parallel(len(rest), 16, lambda: _open(restaurant, rest.pop()))
    await asyncio.sleep(5)
    after = _resident(pids)
    pinging.cancel()
    for pair in pairs:
        if pair.a.socket is not None:
            pair.a.socket.close()
    return IdleCost(count - len(first), before, after)


async def _open(restaurant: Restaurant, pair: Pair) -> None:
    """As the app does: a gateway that says "try again" is tried again."""
    for pause in (0.5, 1, 2, 4):
        try:
            return await pair.a.open_socket(restaurant.gateway)
        except (ConnectionLost, Unexpected):
            await asyncio.sleep(pause)
    return await pair.a.open_socket(restaurant.gateway)


async def _ping_all(pairs: list[Pair]) -> None:
    """Idle phones still ping, or they would be taken for gone."""
    while True:
        for pair in pairs:
            if pair.a.socket is not None and not pair.a.socket.closed.done():
                pair.a.ping()
            await asyncio.sleep(20 / len(pairs))


def _resident(pids: list[int]) -> int:
    return sum(process.memory_info().rss for pid in pids for process in _family(pid))


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]
