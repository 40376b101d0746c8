"""One delivered message: how it is read, how often it may fail, and what counts as a failure that passes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from aiormq.abc import DeliveredMessage
from pydantic import ValidationError

from twotop_common.contracts.envelope import Contract, MessageHeaders
from twotop_common.contracts.registry import REGISTRY, UnknownMessageType
from twotop_common.messaging.topology import RETRY_DELAYS_MS

ATTEMPT_HEADER = "x-twotop-attempt"
REASON_HEADER = "x-twotop-reason"
TYPE_HEADER = "x-twotop-type"
UNKNOWN_ATTEMPTS = 8
TRANSIENT_ATTEMPTS = 400
_SCHEDULE = (0, 1, 1, 1, *([2] * 20))
"""Retry queue by attempt: 250 ms, then 1 s, then 5 s for two minutes; after that every 30 s."""
_BROKER_HEADERS = ("x-death", "x-first-", "x-last-", "x-delivery-")


class TransientFailure(Exception):
    """It may work later: delivered again after a delay, ``retry_after_s`` or the usual one."""

    def __init__(self, reason: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class PermanentFailure(Exception):
    """It will never work: straight to the dead letters."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came with a message. ``attempt`` is 1 the first time; ``time`` is when it was published (UTC)."""

    message_id: UUID
    type: str
    source: str
    subject: str
    time: datetime
    headers: MessageHeaders
    attempt: int


class Undecodable(Exception):
    """The bytes are no message that this service knows."""


def decode(raw: bytes, attempt: int) -> tuple[Contract, Delivery]:
    """The body and its delivery. Unknown fields are ignored. Raises Undecodable."""
    try:
        envelope = orjson.loads(raw)
        entry = REGISTRY.by_name(envelope["type"])
        links = MessageHeaders(traceparent=envelope.get("traceparent"), correlationid=envelope.get("correlationid"))
        delivery = Delivery(
            message_id=UUID(envelope["id"]),
            type=entry.name,
            source=str(envelope["source"]),
            subject=str(envelope.get("subject") or ""),
            time=datetime.fromisoformat(envelope["time"]).astimezone(UTC),
            headers=links,
            attempt=attempt,
        )
        return entry.body.model_validate(envelope["data"]), delivery
    except (ValueError, KeyError, TypeError, AttributeError, UnknownMessageType, ValidationError) as error:
        raise Undecodable(type(error).__name__) from None


def retry_delay_ms(attempt: int, wanted_s: float | None = None) -> int:
    """The delay after ``attempt`` failed: the shortest retry queue of at least ``wanted_s``, or the usual one."""
    if wanted_s is not None:
        return next((delay for delay in RETRY_DELAYS_MS if delay >= wanted_s * 1_000), RETRY_DELAYS_MS[-1])
    return RETRY_DELAYS_MS[_SCHEDULE[attempt - 1] if attempt <= len(_SCHEDULE) else -1]


def headers_of(message: DeliveredMessage) -> dict[str, Any]:
    """The headers to publish a copy with."""
    # The broker's own x- headers describe earlier journeys and may not be published again.
    headers = message.header.properties.headers or {}
    return {name: value for name, value in headers.items() if not name.startswith(_BROKER_HEADERS)}


def attempt_of(message: DeliveredMessage) -> int:
    """Which attempt this is, from our own header; 1 the first time."""
    attempt = (message.header.properties.headers or {}).get(ATTEMPT_HEADER, 1)
    return attempt if isinstance(attempt, int) and attempt > 0 else 1
