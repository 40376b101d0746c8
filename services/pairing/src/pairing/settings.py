"""What pairing is told. It issues B's credential and reads A's."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from twotop_common.contracts.registry import Service
from twotop_common.service_defaults.settings import ServiceSettings


class PairingSettings(ServiceSettings):
    """``TWOTOP_HOUSEKEEPING_EVERY_S`` beside the common settings."""

    service: ClassVar[Service] = "pairing"
    needs: ClassVar[frozenset[str]] = ServiceSettings.needs | {"credential_signing_key"}

    housekeeping_every_s: float = Field(default=30, gt=0, description="how often what is no longer needed is removed")
