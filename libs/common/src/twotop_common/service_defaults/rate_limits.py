"""Rate limits that suit a dining room behind one address.

Rules marked ``shared`` count in Redis over all instances and fall back to this process while Redis is away; the others
count in this process only, which is exact where requests are hashed to instances. Keys are keyed hashes with the life
of their window: no address and no participant is readable anywhere, and none is logged.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import deque
from dataclasses import dataclass

from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from prometheus_client import Counter
from redis.exceptions import RedisError
from starlette.requests import HTTPConnection

from twotop_common.service_defaults.logging import get_logger
from twotop_common.service_defaults.problems import rate_limited

log = get_logger(__name__)

CLIENT_HEADER = "x-twotop-client"
"""Set by the gateway alone, which overwrites what a client sends."""
WINDOW_S = 60.0
REDIS_TIMEOUT_S = 0.25
REDIS_PAUSE_S = 2.0
MAX_KEYS = 200_000

_HITS = Counter("twotop_rate_limit_total", "rate limit decisions", ["rule", "outcome"])
_FALLBACK = Counter("twotop_rate_limit_fallback_total", "decisions made without Redis")


@dataclass(frozen=True, slots=True)
class RateLimitRule:
    """``limit`` requests a minute for one key."""

    name: str
    limit: int
    shared: bool


PARTICIPANT = RateLimitRule("participant", 60, shared=False)
"""Commands and reads of one participant. In this process: a session's requests are hashed to one instance."""
CREATE = RateLimitRule("create", 10, shared=True)
"""New sessions of one address at one table."""
QR_VALIDATE = RateLimitRule("qr_validate", 10, shared=True)
"""QR validations of one address and table."""
JOIN = RateLimitRule("join", 5, shared=True)
"""Code redemptions of one address at one table."""
ADDRESS = RateLimitRule("address", 600, shared=True)
"""The ceiling of one address without a credential."""
ADDRESS_JOIN = RateLimitRule("address_join", 60, shared=True)
"""The ceiling of one address for joins."""


def client_of(connection: HTTPConnection) -> str:
    """The client's address as the gateway gave it. Only ever a part of a rate-limit key: never store or log it."""
    return connection.headers.get(CLIENT_HEADER, "unknown")


class MovingWindow:
    """Timestamps of the last minute by key, in this process."""

    def __init__(self, max_keys: int = MAX_KEYS) -> None:
        self._hits: dict[str, deque[float]] = {}
        self._max_keys = max_keys
        self._swept_at = 0.0

    def hit(self, key: str, limit: int, now: float) -> float | None:
        """Count one hit. None when it is within ``limit``, else the seconds until it would be."""
        hits = self._hits.get(key)
        if hits is None:
            self._sweep(now)
            hits = self._hits[key] = deque()
        while hits and hits[0] <= now - WINDOW_S:
            hits.popleft()
        if len(hits) >= limit:
            return hits[0] + WINDOW_S - now
        hits.append(now)
        return None

    def _sweep(self, now: float) -> None:
        if now - self._swept_at < WINDOW_S and len(self._hits) < self._max_keys:
            return
        self._swept_at = now
        self._hits = {key: hits for key, hits in self._hits.items() if hits and hits[-1] > now - WINDOW_S}
        while len(self._hits) >= self._max_keys:
            # Full of live keys: the oldest go first, which forgives instead of running out of memory.
            self._hits.pop(next(iter(self._hits)))


class RateLimiter:
    """Counts and refuses. ``key`` is the secret under which keys are hashed; without ``enabled`` nothing is counted."""

    def __init__(self, redis_url: str, key: str, *, enabled: bool = True) -> None:
        self._secret = hashlib.sha256(key.encode()).digest()
        self._enabled = enabled
        self._local = MovingWindow()
        self._storage = RedisStorage(
            "async+" + redis_url,
            implementation="redispy",
            key_prefix="twotop-limit",
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
        )
        self._shared = MovingWindowRateLimiter(self._storage)
        self._items = {
            rule.name: RateLimitItemPerMinute(rule.limit) for rule in (CREATE, QR_VALIDATE, JOIN, ADDRESS, ADDRESS_JOIN)
        }
        self._redis_away_until = 0.0

    async def hit(self, rule: RateLimitRule, *parts: object) -> None:
        """Count one request of the key made of ``parts``. Raises Problem 429 ``rate_limited`` with ``Retry-After``."""
        if not self._enabled:
            return
        key = self._key(rule, parts)
        now = time.monotonic()
        if rule.shared and now >= self._redis_away_until:
            try:
                wait_s = await self._hit_shared(rule, key)
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("rate_limits.redis_away", error=type(error).__name__)
                self._redis_away_until = now + REDIS_PAUSE_S
                wait_s = self._fall_back(rule, key, now)
        elif rule.shared:
            wait_s = self._fall_back(rule, key, now)
        else:
            wait_s = self._local.hit(key, rule.limit, now)
        _HITS.labels(rule.name, "refused" if wait_s is not None else "allowed").inc()
        if wait_s is not None:
            raise rate_limited(math.ceil(wait_s))

    async def close(self) -> None:
        """Give the connections back."""
        client = getattr(self._storage.bridge, "storage", None)
        if client is not None:
            await client.aclose()

    def _fall_back(self, rule: RateLimitRule, key: str, now: float) -> float | None:
        _FALLBACK.inc()
        return self._local.hit(key, rule.limit, now)

    async def _hit_shared(self, rule: RateLimitRule, key: str) -> float | None:
        item = self._items.get(rule.name) or RateLimitItemPerMinute(rule.limit)
        if await self._shared.hit(item, key):
            return None
        reset_at, _ = await self._shared.get_window_stats(item, key)
        return max(1.0, reset_at - time.time())

    def _key(self, rule: RateLimitRule, parts: tuple[object, ...]) -> str:
        digest = hashlib.blake2b(key=self._secret, digest_size=16)
        for part in (rule.name, *parts):
            text = str(part).encode("utf-8", "surrogatepass")
            digest.update(len(text).to_bytes(4, "big") + text)
        return digest.hexdigest()
