"""Presence of whole sessions in Redis, so that a room that opens on another instance knows who is there already.

Only memory: it can be rebuilt from the hints of the next minutes. Without Redis an instance knows the presence of its
own phones and of those it hears about, and nothing else changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from realtime_gateway import metrics
from realtime_gateway.domain.presence import Mark

KEEP_S = 600
TIMEOUT_S = 0.3
AWAY = (RedisError, OSError, TimeoutError)

# A mark replaces the one before it only if it is newer, so that two instances may write in any order.
_SEE = """
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known then
  local mark = cjson.decode(known)
  local connection, rank = tonumber(ARGV[2]), tonumber(ARGV[3])
  if mark.connection > connection or (mark.connection == connection and mark.rank >= rank) then
    return 0
  end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
"""


class PresenceMemory:
    """Never raises and never waits long: what Redis cannot answer quickly is not known."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._see = redis.register_script(_SEE)

    async def see(self, session_id: UUID, participant_id: UUID, mark: Mark) -> None:
        """Remember a mark, unless a newer one is remembered."""
        value = orjson.dumps(
            {"role": mark.role, "connection": mark.connection, "status": mark.status, "rank": mark.rank}
        )
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._see(
                    keys=[_key(session_id)], args=[str(participant_id), mark.connection, mark.rank, value, KEEP_S]
                )
        except AWAY:
            metrics.PRESENCE_MEMORY.labels("away").inc()

    async def recall(self, session_id: UUID) -> dict[UUID, Mark]:
        """What is remembered of a session; empty when nothing is, or nothing can be."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                fields = await self._redis.hgetall(_key(session_id))
        except AWAY:
            metrics.PRESENCE_MEMORY.labels("away").inc()
            return {}
        marks = {}
        for participant_id, value in fields.items():
            mark = orjson.loads(value)
            text = participant_id.decode() if isinstance(participant_id, bytes) else participant_id
            marks[UUID(text)] = Mark(mark["role"], mark["connection"], mark["status"])
        return marks

    async def keep(self, session_ids: Iterable[UUID]) -> None:
        """These sessions have phones: do not let their presence lapse."""
        try:
            async with asyncio.timeout(5 * TIMEOUT_S):
                pipeline = self._redis.pipeline(transaction=False)
                for session_id in session_ids:
                    pipeline.expire(_key(session_id), KEEP_S)
                await pipeline.execute()
        except AWAY:
            metrics.PRESENCE_MEMORY.labels("away").inc()


def _key(session_id: UUID) -> str:
    return f"presence:{session_id}"
