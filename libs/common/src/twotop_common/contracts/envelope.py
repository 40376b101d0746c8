"""The envelope every fact and command travels in: CloudEvents 1.0 attributes around one typed body."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Contract(BaseModel):
    """A body on the wire. Frozen; unknown fields are ignored, so that a newer producer harms nobody."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Envelope(Contract):
    """CloudEvents 1.0 attributes. ``type`` names the contract and its version, ``data`` is its body."""

    specversion: str = "1.0"
    id: UUID
    source: str
    type: str
    subject: str | None = None
    time: datetime
    data: dict[str, Any]
    traceparent: str | None = None
    correlationid: str | None = None


class MessageHeaders(Contract):
    """What links one message to the request that caused it. No address, no credential."""

    traceparent: str | None = Field(default=None, max_length=55)
    correlationid: str | None = Field(default=None, max_length=64)
