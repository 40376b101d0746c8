"""Any plug is pulled while fifty pairs of phones play: nothing acknowledged is lost, doubled or reordered.

Each fault happens under about 100 commands a second over 50 sessions with sockets and polling phones, and every session
moves again within 10 s of the fault's end. Afterwards acknowledged, stored, delivered and replayed are compared.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from twotop_e2e.following import SocketFollower
from twotop_e2e.load import Load
from twotop_e2e.phone import pair
from twotop_e2e.stack import Stack

RECOVERY_S = 10.0
Fault = Callable[[Stack], Awaitable[None]]


pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]


class Party:
    """The guests of this module: seated once, anew only when a fault was too much for them."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._load: Load | None = None

    async def playing(self) -> Load:
        if self._load is not None and self._load.broken:
            await self.leave()
        if self._load is None:
            self._load = Load(self._stack)
            await self._load.__aenter__()
        return self._load

    async def leave(self) -> None:
        if self._load is not None:
            await self._load.__aexit__(None, None, None)
            self._load = None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def party(stack: Stack) -> AsyncIterator[Party]:
    party = Party(stack)
    yield party
    await party.leave()


@pytest_asyncio.fixture(loop_scope="module")
async def load(party: Party, stack: Stack) -> Load:
    """Guests at play on a system without a fault."""
    await stack.all_ready()
    return await party.playing()


def killed(service: str, number: int = 0) -> Fault:
    """kill -9 of one instance; over when the launcher has it running again."""

    async def fault(stack: Stack) -> None:
        before = stack.kill(service, number)
        await stack.back(service, number, before)

    return fault


def stopped(program: str, seconds: float, *, kill: bool = False) -> Fault:
    """One part is stopped for a while; over when it is started again."""

    async def fault(stack: Stack) -> None:
        await asyncio.to_thread(stack.hold, program, kill=kill)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(stack.release, program)
        await stack.reachable(program)

    return fault


async def play_through(load: Load, fault: Fault) -> None:
    await load.until_every_table_moves(since=time.monotonic(), timeout_s=20)
    before = load.acknowledged()
    await fault(load.stack)
    recovered_in = await load.until_every_table_moves(since=time.monotonic(), timeout_s=RECOVERY_S)
    assert recovered_in <= RECOVERY_S
    assert load.acknowledged() > before
    await load.check()


@pytest.mark.parametrize("service", ["session-api", "pairing", "realtime-gateway", "cleanup-worker"])
async def test_a_killed_service_loses_nothing(load: Load, service: str) -> None:
    await play_through(load, killed(service))


async def test_of_two_gateways_one_is_lost_and_the_other_takes_over(load: Load) -> None:
    assert load.stack.instances("realtime-gateway") >= 2, "this test needs a system with two gateways"
    await load.until_every_table_moves(since=time.monotonic(), timeout_s=20)
    await asyncio.to_thread(load.stack.hold, "realtime-gateway-2", kill=True)
    try:
        # While it is away, not only afterwards.
        await load.until_every_table_moves(since=time.monotonic(), timeout_s=RECOVERY_S)
        await load.check()
    finally:
        load.stack.release("realtime-gateway-2")
    await load.stack.reachable("realtime-gateway-2")
    await load.until_every_table_moves(since=time.monotonic(), timeout_s=RECOVERY_S)
    await load.check()


async def test_twenty_seconds_without_rabbitmq_lose_nothing(load: Load) -> None:
    await play_through(load, stopped("rabbitmq", 20))


async def test_the_last_event_before_silence_arrives_without_the_fan_out(load: Load) -> None:
    """Nothing follows that could show the gap: the gateway finds it by comparing heads."""
    a, b = await pair(load.stack)
    async with a, b, SocketFollower(b) as on_b:
        await on_b.until_type("partner_joined")
        await asyncio.to_thread(load.stack.hold, "rabbitmq")
        try:
            last = await a.command("set_ready", {"ready": True})
            await on_b.until_seq(last["event_seq"], timeout_s=15)
            assert not on_b.broken
            assert not on_b.closes
        finally:
            await asyncio.to_thread(load.stack.release, "rabbitmq")
            await load.stack.reachable("rabbitmq")
        await a.close_session()


async def test_a_restarted_postgresql_loses_nothing(load: Load) -> None:
    await play_through(load, stopped("postgres", 1))


async def test_a_restarted_redis_loses_nothing(load: Load) -> None:
    await play_through(load, stopped("redis", 1))
