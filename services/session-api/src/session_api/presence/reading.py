"""Reads what is known of phones, for many sessions at once: a question to the database for each wish would be dear."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any
from uuid import UUID

import asyncpg

from session_api.presence import queries
from session_api.presence.domain import Sighting


class SightingsReader:
    """While one reading is under way the next gathers, as appends do."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool
        self._wanted: defaultdict[UUID, asyncio.Future[list[Sighting]]] = defaultdict(
            lambda: asyncio.get_running_loop().create_future()
        )
        self._reading: asyncio.Task[None] | None = None

    async def of(self, session_id: UUID) -> list[Sighting]:
        """The phones of a session, as they are stored at this moment or later. Raises what the database raises."""
        wanted = self._wanted[session_id]
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        return await asyncio.shield(wanted)

    async def _read(self) -> None:
        while self._wanted:
            asked = dict(self._wanted)
            self._wanted.clear()
            try:
                found = await queries.sightings_in(self._pool, list(asked))
            except Exception as error:
                for answer in asked.values():
                    answer.set_exception(error)
                    # Whoever asked may have gone away since.
                    answer.exception()
            else:
                for session_id, answer in asked.items():
                    answer.set_result(found.get(session_id, []))
