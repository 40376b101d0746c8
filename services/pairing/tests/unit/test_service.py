"""What the service says of itself before it runs: settings, commands, its OpenAPI document."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from pairing import errors
from pairing.bootstrap import openapi_app
from pairing.domain import Refusal, Verdict
from pairing.main import main
from pairing.schemas import JoinDual
from pairing.settings import PairingSettings
from twotop_common.service_defaults.settings import SettingsInvalid, load_settings


def test_outside_development_every_secret_must_be_given() -> None:
    with pytest.raises(SettingsInvalid) as refused:
        load_settings(PairingSettings, environment="production")
    for name in ("CODE_KEYS", "CREDENTIAL_SIGNING_KEY", "CREDENTIAL_PUBLIC_KEYS", "RATE_LIMIT_KEY", "DATABASE_URL"):
        assert f"TWOTOP_{name}" in str(refused.value)


def test_the_openapi_document_names_every_route_and_every_error() -> None:
    printed = CliRunner().invoke(main, ["openapi"])
    assert printed.exit_code == 0
    document = json.loads(printed.stdout)
    assert document == openapi_app().openapi()
    paths = document["paths"]
    assert {path: set(routes) for path, routes in paths.items()} == {
        "/api/v1/sessions/join-dual": {"post"},
        "/api/v1/sessions/{session_id}/pairing-code": {"post", "delete"},
    }
    join = paths["/api/v1/sessions/join-dual"]["post"]["responses"]
    documented = {
        (int(status), code)
        for status, response in join.items()
        if status.isdigit()
        for code in response["content"].get("application/problem+json", {}).get("examples", {})
    }
    assert documented == {
        (400, "invalid_request"),
        (404, "code_invalid"),
        (409, "already_paired"),
        (409, "idempotency_in_progress"),
        (409, "idempotency_mismatch"),
        (410, "code_expired"),
        (410, "session_closed"),
        (410, "session_expired"),
        (413, "too_large"),
        (422, "invalid_field"),
        (429, "rate_limited"),
        (429, "too_many_attempts"),
        (503, "pairing_disabled"),
        (503, "unavailable"),
    }


def test_every_verdict_and_refusal_has_its_problem() -> None:
    assert set(errors.VERDICTS) == set(Verdict) - {Verdict.REDEEM, Verdict.UNKNOWN}
    assert set(errors.REFUSALS) == set(Refusal)


def test_a_request_never_shows_its_code() -> None:
    request = JoinDual.model_validate({"table_token": "t", "code": "BCDFGH"})
    assert "BCDFGH" not in repr(request)
    with pytest.raises(ValidationError) as refused:
        JoinDual.model_validate({"table_token": "t", "code": "BCDFGH", "join_secret": "secret-secret"})
    assert "BCDFGH" not in str(refused.value)
    assert "secret-secret" not in str(refused.value)
