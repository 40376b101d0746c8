"""Those who wait for a session's next event are woken, and leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
from uuid import uuid4

from session_api.sessions.log import Changes, wait_for
from twotop_common.testing.eventually import eventually

SESSION = uuid4()


async def test_everybody_who_waits_is_woken() -> None:
    changes = Changes()
    waiting = [asyncio.create_task(wait_for(changes.watch(SESSION), 30)) for _ in range(3)]
    await asyncio.sleep(0)
    changes.notify(uuid4())
    assert not any(task.done() for task in waiting)
    changes.notify(SESSION)
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)


async def test_a_change_between_watching_and_waiting_is_not_slept_through() -> None:
    changes = Changes()
    changed = changes.watch(SESSION)
    changes.notify(SESSION)
    assert changed.is_set()
    assert not changes.watch(SESSION).is_set()


async def test_whoever_stops_waiting_leaves_nothing_behind() -> None:
    changes = Changes()
    for _ in range(50):
        await wait_for(changes.watch(uuid4()), 0)

    def nothing_left() -> bool:
        gc.collect()
        return len(changes._waiting) == 0

    await eventually(nothing_left)
