"""Settings are complete, typed and silent about secrets."""

from __future__ import annotations

import base64
import os
from typing import ClassVar

import pytest
from pydantic import ValidationError

from twotop_common.contracts.registry import Service
from twotop_common.service_defaults.settings import ServiceSettings, SettingsInvalid, load_settings

KEY = base64.b64encode(bytes(range(32))).decode()


class Settings(ServiceSettings):
    service: ClassVar[Service] = "realtime-gateway"
    needs: ClassVar[frozenset[str]] = ServiceSettings.needs | {"credential_signing_key"}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TWOTOP_")]:
        monkeypatch.delenv(name)


def complete(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ENVIRONMENT": "production",
        "DATABASE_URL": "postgresql://r:p@db/r",
        "BROKER_URL": "amqp://b/",
        "REDIS_URL": "redis://r/0",
        "CODE_KEYS": f"k1:{KEY}",
        "CREDENTIAL_SIGNING_KEY": f"s1:{KEY}",
        "CREDENTIAL_PUBLIC_KEYS": f"s1:{KEY}",
        "RATE_LIMIT_KEY": KEY,
    }.items():
        monkeypatch.setenv(f"TWOTOP_{name}", value)


@pytest.mark.parametrize("environment", ["development", "test"])
def test_development_needs_nothing(environment: str) -> None:
    settings = load_settings(Settings, environment=environment)
    assert settings.database_url == "postgresql://realtime_gateway:realtime_gateway@127.0.0.1:5432/realtime_gateway"
    assert settings.sqlalchemy_url.startswith("postgresql+asyncpg://realtime_gateway:")
    assert settings.key_ring.current_id == "dev"
    assert settings.credential_signer.public_key == settings.credential_public_keys
    assert settings.credential_verifier
    assert settings.origins == {"http://127.0.0.1:8080"}


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_elsewhere_every_missing_secret_is_named(environment: str) -> None:
    with pytest.raises(SettingsInvalid) as raised:
        load_settings(Settings, environment=environment)
    for name in ("DATABASE_URL", "BROKER_URL", "CODE_KEYS", "CREDENTIAL_SIGNING_KEY", "RATE_LIMIT_KEY"):
        assert f"TWOTOP_{name}" in str(raised.value)


def test_production_starts_when_all_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    complete(monkeypatch)
    settings = load_settings(Settings)
    assert settings.environment == "production"
    assert settings.key_ring.current_id == "k1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CODE_KEYS", "k1:hunter2"),
        ("CREDENTIAL_SIGNING_KEY", "hunter2"),
        ("CREDENTIAL_PUBLIC_KEYS", "hunter2"),
        ("RATE_LIMIT_KEY", "hunter2"),
        ("PORT", "hunter2"),
        ("ENVIRONMENT", "hunter2"),
        ("TRACE_SAMPLE_RATIO", "2"),
        ("LOG_LEVEL", "hunter2"),
    ],
)
def test_what_cannot_be_read_is_named_and_never_shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    complete(monkeypatch)
    monkeypatch.setenv(f"TWOTOP_{name}", value)
    with pytest.raises(SettingsInvalid) as raised:
        load_settings(Settings)
    assert f"TWOTOP_{name}" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_broken_signing_key_is_refused_in_development_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOTOP_CREDENTIAL_SIGNING_KEY", "broken")
    with pytest.raises(SettingsInvalid, match="TWOTOP_CREDENTIAL_"):
        load_settings(Settings)


def test_origins_are_a_list_with_the_public_origin_as_default() -> None:
    assert load_settings(Settings, public_origin="https://a.example/").origins == {"https://a.example"}
    listed = load_settings(Settings, allowed_origins="https://a.example, https://b.example/,")
    assert listed.origins == {"https://a.example", "https://b.example"}


def test_settings_do_not_change_and_do_not_show_secrets() -> None:
    settings = load_settings(Settings, code_keys=f"k1:{KEY}")
    with pytest.raises(ValidationError):
        settings.__setattr__("port", 1)
    assert KEY not in repr(settings)
