"""Settings of the realtime gateway."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from twotop_common.contracts.registry import Service
from twotop_common.service_defaults.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    """What the gateway is told, besides what every service is told. Periods are seconds."""

    service: ClassVar[Service] = "realtime-gateway"
    needs: ClassVar[frozenset[str]] = frozenset(
        {"database_url", "broker_url", "redis_url", "session_api_url", "credential_public_keys"}
    )

    port: int = Field(default=8103, ge=0, le=65_535)
    heartbeat_s: float = Field(default=25.0, gt=0, description="how often phones are asked to ping")
    probe_after_s: float = Field(default=5.0, gt=0, description="silence after which a phone is asked for a sign")
    probe_timeout_s: float = Field(default=8.0, gt=0, description="how long it may take to give one")
    auth_timeout_s: float = Field(default=5.0, gt=0)
    registration_wait_s: float = Field(default=3.0, ge=0, description="how long an unknown phone is held")
    gone_after_s: float = Field(default=20.0, gt=0, description="away becomes gone; a silent instance is dead")
    compare_heads_s: float = Field(default=5.0, gt=0)
    instance_beat_s: float = Field(default=5.0, gt=0)
    command_timeout_s: float = Field(default=5.0, gt=0)
    owner_timeout_s: float = Field(default=3.0, gt=0, description="one call to session-api")
    recovery_timeout_s: float = Field(default=10.0, gt=0, description="how long a phone is kept waiting for its log")
