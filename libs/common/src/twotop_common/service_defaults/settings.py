"""Typed, frozen settings from the environment, prefix ``TWOTOP_``, checked at start.

Secrets and addresses have defaults only in development and test; elsewhere the start fails and names the variable.
"""

from __future__ import annotations

import base64
import hashlib
import os
import socket
from functools import cached_property
from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from twotop_common.contracts.registry import Service
from twotop_common.credentials import CredentialSigner, CredentialVerifier
from twotop_common.hashed_codes import KeyRing, KeyRingInvalid, decode_key

Environment = Literal["development", "test", "staging", "production"]
SettingsT = TypeVar("SettingsT", bound="ServiceSettings")


class SettingsInvalid(Exception):
    """The environment cannot be used. The message names the variables, never their values."""


def _development_secret(name: str) -> str:
    return base64.b64encode(hashlib.sha256(f"twotop development {name}".encode()).digest()).decode()


_DEVELOPMENT_SIGNING_KEY = f"dev:{_development_secret('credential signing key')}"


class ServiceSettings(BaseSettings):
    """What every service is told. A service subclasses it, sets ``service`` and ``needs`` and adds its own fields."""

    model_config = SettingsConfigDict(
        env_prefix="TWOTOP_", frozen=True, extra="ignore", hide_input_in_errors=True, ignored_types=(cached_property,)
    )

    service: ClassVar[Service]
    needs: ClassVar[frozenset[str]] = frozenset(
        {"database_url", "broker_url", "redis_url", "code_keys", "credential_public_keys", "rate_limit_key"}
    )
    """Fields without which this service does not start outside development and test."""

    environment: Environment = "development"
    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65_535)
    instance: str = Field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    database_url: str = ""
    database_pool_size: int = Field(default=8, ge=1)
    broker_url: str = ""
    redis_url: str = ""
    session_api_url: str = ""

    code_keys: SecretStr = SecretStr("")
    credential_signing_key: SecretStr = SecretStr("")
    credential_public_keys: str = ""
    rate_limit_key: SecretStr = SecretStr("")
    rate_limits_enabled: bool = True

    public_origin: str = "http://127.0.0.1:8080"
    allowed_origins: str = ""

    dual_pairing_code_enabled: bool = True

    otlp_endpoint: str = ""
    trace_sample_ratio: float = Field(default=0.01, ge=0, le=1)

    shutdown_grace_s: float = Field(default=10.0, ge=0)
    outbox_limit: int = Field(default=100_000, ge=1, description="rows kept while the broker is away")

    @model_validator(mode="before")
    @classmethod
    def _development_defaults(cls, values: dict[str, Any]) -> dict[str, Any]:
        if values.get("environment", "development") not in ("development", "test"):
            return values
        role = cls.service.replace("-", "_")
        signer = values.get("credential_signing_key") or _DEVELOPMENT_SIGNING_KEY
        if isinstance(signer, SecretStr):
            signer = signer.get_secret_value()
        defaults = {
            "database_url": f"postgresql://{role}:{role}@127.0.0.1:5432/{role}",
            "broker_url": "amqp://guest:guest@127.0.0.1:5672/",
            "redis_url": "redis://127.0.0.1:6379/0",
            "session_api_url": "http://127.0.0.1:8101",
            "code_keys": f"dev:{_development_secret('code key')}",
            "credential_signing_key": signer,
            "credential_public_keys": _public_key_of(signer),
            "rate_limit_key": _development_secret("rate limit key"),
        }
        return {**defaults, **{name: value for name, value in values.items() if value != ""}}

    @model_validator(mode="after")
    def _complete_and_readable(self) -> Self:
        missing = [f"TWOTOP_{name.upper()}" for name in sorted(self.needs) if not _text(getattr(self, name))]
        if missing:
            raise ValueError(f"must be set: {', '.join(missing)}")
        for name, read in _READERS.items():
            text = _text(getattr(self, name))
            if text:
                try:
                    read(text)
                except (KeyRingInvalid, ValueError) as error:
                    raise ValueError(f"TWOTOP_{name.upper()}: {error}") from None
        return self

    @property
    def sqlalchemy_url(self) -> str:
        """``database_url`` for SQLAlchemy on asyncpg."""
        return sqlalchemy_url(self.database_url)

    @cached_property
    def key_ring(self) -> KeyRing:
        """The ring that derives and hashes codes, join secrets and idempotency keys."""
        return KeyRing.parse(self.code_keys.get_secret_value())

    @cached_property
    def credential_signer(self) -> CredentialSigner:
        return CredentialSigner.parse(self.credential_signing_key.get_secret_value())

    @cached_property
    def credential_verifier(self) -> CredentialVerifier:
        return CredentialVerifier.parse(self.credential_public_keys)

    @cached_property
    def origins(self) -> frozenset[str]:
        """Origins a browser may open sockets from; the public origin unless told otherwise."""
        listed = (origin.strip().rstrip("/") for origin in self.allowed_origins.split(","))
        return frozenset(filter(None, listed)) or frozenset({self.public_origin.rstrip("/")})


def load_settings(settings: type[SettingsT], **overrides: Any) -> SettingsT:
    """Settings from the environment. Raises SettingsInvalid with the variables at fault, without their values."""
    try:
        return settings(**overrides)
    except ValidationError as error:
        faults = []
        for fault in error.errors(include_input=False, include_url=False, include_context=False):
            name = "_".join(str(part) for part in fault["loc"]).upper()
            message = fault["msg"].removeprefix("Value error, ")
            faults.append(f"TWOTOP_{name}: {message}" if name else message)
        raise SettingsInvalid("; ".join(faults)) from None


def sqlalchemy_url(database_url: str) -> str:
    """``postgresql://…`` as ``postgresql+asyncpg://…``."""
    return "postgresql+asyncpg://" + database_url.split("://", 1)[1]


def _text(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _public_key_of(signing_key: str) -> str:
    try:
        return CredentialSigner.parse(signing_key).public_key
    except KeyRingInvalid:
        return ""


_READERS: dict[str, Any] = {
    "code_keys": KeyRing.parse,
    "credential_signing_key": CredentialSigner.parse,
    "credential_public_keys": CredentialVerifier.parse,
    "rate_limit_key": lambda text: decode_key(text, what="the key"),
}
