"""What pairing is told. It issues B's credential and reads A's."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from pydantic import Field

from twotop_common.contracts.registry import Service
from twotop_common.service_defaults.settings import ServiceSettings


class PairingSettings(ServiceSettings):
    """``TWOTOP_PAIRING_CODE_LIFE_S`` and ``TWOTOP_HOUSEKEEPING_EVERY_S`` beside the common settings."""

    service: ClassVar[Service] = "pairing"
    needs: ClassVar[frozenset[str]] = ServiceSettings.needs | {"credential_signing_key"}

    pairing_code_life_s: float = Field(default=600, gt=0, description="how long a replaced code is valid")
    housekeeping_every_s: float = Field(default=30, gt=0, description="how often what is no longer needed is removed")

    @property
    def pairing_code_life(self) -> timedelta:
        """``pairing_code_life_s`` as a duration."""
        return timedelta(seconds=self.pairing_code_life_s)
