"""What the worker is told. It issues and reads no credential, so it needs no key."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from twotop_common.contracts.registry import Service
from twotop_common.service_defaults.settings import ServiceSettings


class CleanupSettings(ServiceSettings):
    """``TWOTOP_CHECK_EVERY_S``, ``TWOTOP_CLAIM_BATCH``, ``TWOTOP_TOMBSTONE_HOURS`` beside the common settings."""

    service: ClassVar[Service] = "cleanup-worker"
    needs: ClassVar[frozenset[str]] = frozenset({"database_url", "broker_url"})

    check_every_s: float = Field(
        default=0.5, gt=0, le=60, description="longest sleep: how late a dead worker's deadlines may be taken over"
    )
    claim_batch: int = Field(
        default=1_000, ge=1, le=10_000, description="deadlines claimed in one transaction, and asked about at once"
    )
    tombstone_hours: float = Field(
        default=24, gt=0, description="how long an ended session is remembered; longer than any message travels"
    )
