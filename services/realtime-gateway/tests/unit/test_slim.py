"""The small queue and event under a socket."""

from __future__ import annotations

import asyncio

import pytest

from realtime_gateway.slim import Gate, Mailbox


async def test_messages_come_out_in_order() -> None:
    mailbox = Mailbox()
    assert mailbox.empty()
    for number in range(3):
        mailbox.put_nowait(number)
    assert not mailbox.empty()
    assert [await mailbox.get() for _ in range(3)] == [0, 1, 2]


async def test_a_waiting_reader_is_woken() -> None:
    mailbox = Mailbox()
    reader = asyncio.create_task(mailbox.get())
    await asyncio.wait({reader}, timeout=0.01)
    mailbox.put_nowait("first")
    mailbox.put_nowait("second")
    assert await reader == "first"
    assert await mailbox.get() == "second"


async def test_a_cancelled_reader_takes_nothing_with_it() -> None:
    mailbox = Mailbox()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await mailbox.get()
    mailbox.put_nowait("kept")
    assert await mailbox.get() == "kept"


async def test_a_gate_lets_everybody_through_once_it_is_open() -> None:
    gate = Gate()
    waiting = [asyncio.create_task(gate.wait()) for _ in range(3)]
    await asyncio.wait(waiting, timeout=0.01)
    assert not gate.is_set()
    gate.set()
    assert await asyncio.gather(*waiting) == [True, True, True]
    assert await gate.wait()
    gate.clear()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await gate.wait()
