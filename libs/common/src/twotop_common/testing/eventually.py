"""Nobody sleeps in a test: ask again until the answer is right or a deadline has passed."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")


@overload
async def eventually(probe: Callable[[], Awaitable[T]], *, timeout_s: float = 10.0, interval_s: float = 0.02) -> T: ...


@overload
async def eventually(probe: Callable[[], T], *, timeout_s: float = 10.0, interval_s: float = 0.02) -> T: ...


async def eventually(probe: Callable[[], T | Awaitable[T]], *, timeout_s: float = 10.0, interval_s: float = 0.02) -> T:
    """The first truthy answer of ``probe``, which may be async and may raise AssertionError meanwhile.

    After ``timeout_s`` the last AssertionError is raised, or one that shows the last answer.
    """
    deadline = time.monotonic() + timeout_s
    failure: AssertionError | None = None
    answer: object = None
    while True:
        try:
            outcome = probe()
            value: T = await outcome if inspect.isawaitable(outcome) else outcome
            if value:
                return value
            answer, failure = value, None
        except AssertionError as error:
            failure = error
        if time.monotonic() >= deadline:
            raise failure or AssertionError(f"still {answer!r} after {timeout_s} s")
        await asyncio.sleep(interval_s)
