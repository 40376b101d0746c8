"""Any plug is pulled while fifty pairs of phones play: nothing acknowledged is lost, doubled or reordered.

Each fault happens under about 100 commands a second over 50 sessions with sockets and polling phones, and every session
moves again within 10 s of the fault's end. Afterwards acknowledged, stored, delivered and replayed are compared.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from twotop_e2e.load import Load
from twotop_e2e.stack import Stack

RECOVERY_S = 10.0
Fault = Callable[[Stack], Awaitable[None]]


@pytest.fixture(autouse=True)
async def whole_again(stack: Stack) -> None:
    """A fault starts from a system without one."""
    await stack.all_ready()


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


async def play_through(stack: Stack, fault: Fault) -> None:
    async with Load(stack) as load:
        await load.until_every_table_moves(since=time.monotonic(), timeout_s=20)
        before = load.acknowledged()
        await fault(stack)
        recovered_in = await load.until_every_table_moves(since=time.monotonic(), timeout_s=RECOVERY_S)
        assert recovered_in <= RECOVERY_S
        assert load.acknowledged() > before
        await load.check()
        await load.close_sessions()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("service", ["session-api", "pairing", "realtime-gateway", "cleanup-worker"])
async def test_a_killed_service_loses_nothing(stack: Stack, service: str) -> None:
    await play_through(stack, killed(service))


@pytest.mark.timeout(180)
async def test_of_two_gateways_one_is_lost_and_the_other_takes_over(stack: Stack) -> None:
    if stack.instances("realtime-gateway") < 2:
        raise AssertionError("this test needs a system with two gateways")
    await play_through(stack, stopped("realtime-gateway-2", 5, kill=True))


@pytest.mark.timeout(180)
async def test_twenty_seconds_without_rabbitmq_lose_nothing(stack: Stack) -> None:
    await play_through(stack, stopped("rabbitmq", 20))


@pytest.mark.timeout(180)
async def test_a_restarted_postgresql_loses_nothing(stack: Stack) -> None:
    await play_through(stack, stopped("postgres", 1))


@pytest.mark.timeout(180)
async def test_a_restarted_redis_loses_nothing(stack: Stack) -> None:
    await play_through(stack, stopped("redis", 1))
