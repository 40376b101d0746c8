"""What use cases are given: the database, keys, the clock, and how fresh our view of the sessions is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

import orjson
from prometheus_client import Counter, Histogram
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from pairing.domain import PATIENCE_S, STALE_AFTER_S
from pairing.queries import answers
from twotop_common.credentials import CredentialSigner, CredentialVerifier
from twotop_common.hashed_codes import KeyRing, candidate_hashes
from twotop_common.service_defaults.feature_flags import FeatureFlags
from twotop_common.service_defaults.idempotency import in_progress, mismatch
from twotop_common.service_defaults.problems import unavailable

LOOK_AGAIN_FOR_S = 0.3
"""A fact on its way arrives within milliseconds; what is still unknown after this is unknown, unless our view lags."""
LOOK_AGAIN_EVERY_S = 0.05

JOINS = Counter("twotop_join_total", "attempts to join a session as its second phone", ["outcome"])
INVITATIONS = Counter("twotop_pairing_code_total", "requests for a new pairing code", ["outcome"])
TIME_TO_PAIR = Histogram(
    "twotop_time_to_pair_seconds",
    "from the offer of a code to the second phone",
    buckets=(1, 2, 5, 10, 20, 30, 60, 120, 300, 600),
)


class Turnstile:
    """Lets callers with one key through one at a time, so that a rush on one table holds one connection, not all."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def one_at_a_time(self, key: object) -> AsyncIterator[None]:
        """How long the queue is nobody knows: wait in it only ``within_patience``."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        async with lock:
            yield


@asynccontextmanager
async def within_patience() -> AsyncIterator[None]:
    """A whole request. Raises Problem 503 when it is not answered in time: a claim that is older belongs to nobody."""
    try:
        async with asyncio.timeout(PATIENCE_S) as patience:
            yield
    except TimeoutError:
        if not patience.expired():
            raise
        raise unavailable() from None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``behind_s`` says how far our view of the sessions lags (infinitely while we cannot know), ``refusing`` whether
    the outbox is too full for more, ``wake`` makes its relay look now."""

    sessions: async_sessionmaker[AsyncSession]
    key_ring: KeyRing
    signer: CredentialSigner
    verifier: CredentialVerifier
    flags: FeatureFlags
    now: Callable[[], datetime]
    behind_s: Callable[[], float]
    refusing: Callable[[], bool]
    wake: Callable[[], None]
    public_origin: str
    turnstile: Turnstile = field(default_factory=Turnstile)

    def fresh(self) -> bool:
        """Whether what we do not know may be called wrong."""
        return self.behind_s() <= STALE_AFTER_S

    def may_still_arrive(self, since: float) -> bool:
        """Whether a fact older than ``since`` (monotonic seconds) may yet be on its way to us."""
        waited = time.monotonic() - since
        return waited < LOOK_AGAIN_FOR_S or waited < self.behind_s() <= STALE_AFTER_S

    def request_key(self, operation: str, key: str | None, body: Mapping[str, Any]) -> answers.RequestKey | None:
        """The keyed hashes of an idempotency key and its request; None without a key."""
        if key is None:
            return None
        text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()
        return answers.RequestKey(
            tuple(candidate_hashes(self.key_ring, f"idempotency:{operation}", key)),
            tuple(candidate_hashes(self.key_ring, f"idempotency-body:{operation}", text)),
        )


async def claim(session: AsyncSession, key: answers.RequestKey | None, now: datetime) -> answers.Answer | None:
    """Claim the key, or give its earlier answer. Raises Problem 409 while that is being worked on, or is another's."""
    if key is None:
        return None
    try:
        answer = await answers.claim(session, key, now)
    except answers.OtherBody:
        raise mismatch() from None
    if answer is not None and answer.state is answers.State.RUNNING:
        raise in_progress()
    return answer
