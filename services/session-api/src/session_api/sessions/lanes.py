"""Several stores side by side, a session always in the same one.

While PostgreSQL works on the batch of one lane, this process makes the batch of the other: on two cores two lanes
append half as much again as one, and a third adds nothing (``make bench``). A session keeps to its lane, so appends
to one session are still written one after another, in batches that hold one of each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from session_api.sessions.store import Append, SessionStore

LANES = 2


class StoreLanes:
    """Group commit over ``stores``. ``run`` it in the background; it ends when one of them does."""

    def __init__(self, stores: Sequence[SessionStore]) -> None:
        self._stores = tuple(stores)

    async def append(self, item: Append) -> bool:
        """As ``SessionStore.append``, in the lane of the item's session."""
        lane = item.after.session_id.int % len(self._stores)
        return await self._stores[lane].append(item)

    async def run(self) -> None:
        """Write batches until cancelled."""
        async with asyncio.TaskGroup() as lanes:
            for store in self._stores:
                lanes.create_task(store.run())
