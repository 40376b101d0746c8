"""What session-api is told, checked at start."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from twotop_common.contracts.registry import Service
from twotop_common.service_defaults.settings import ServiceSettings


class SessionApiSettings(ServiceSettings):
    """Signs participants' credentials beside what every service needs."""

    service: ClassVar[Service] = "session-api"
    needs: ClassVar[frozenset[str]] = ServiceSettings.needs | {"credential_signing_key"}

    port: int = Field(default=8101, ge=0, le=65_535)
