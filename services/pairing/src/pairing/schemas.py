"""Request and response bodies."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class JoinDual(BaseModel):
    """Either ``code`` or ``join_secret``. The location may be left out; when given it must be the table's."""

    model_config = ConfigDict(
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={
            "examples": [
                {"table_token": "kQ3vT9mZ", "code": "BCD-FGH"},
                {
                    "table_token": "kQ3vT9mZ",
                    "location_id": "6f0d2c1e-8f0b-4c53-9d0e-2f9f3f1f8a11",
                    "join_secret": "3b1c6c39-55b7-4a37-8f0a-6a7f5b8e2d10.AAAAAAAAAAAAAAAAAAAAAA",
                },
            ]
        },
    )

    table_token: str = Field(min_length=1, max_length=128, description="from the URL /t/{table_token}")
    location_id: str | None = Field(default=None, max_length=128, description="id or short name of the restaurant")
    restaurant_id: str | None = Field(default=None, max_length=128, description="the same as location_id")
    code: SecretStr | None = Field(
        default=None, max_length=64, description="six letters; case, spaces and dashes do not matter"
    )
    join_secret: SecretStr | None = Field(
        default=None, max_length=128, description="'{session_id}.{secret}' from the fragment of the join link"
    )
    leaving_credential: SecretStr | None = Field(
        default=None,
        max_length=2_048,
        description="of the session at this table that the phone leaves by joining: device A's code there runs out",
    )

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        if (self.code is None) == (self.join_secret is None):
            raise ValueError("exactly one of code and join_secret is needed")
        return self

    def locations(self) -> tuple[str, ...]:
        """The locations that were named, under either name."""
        return tuple(filter(None, (self.location_id, self.restaurant_id)))


class JoinedSession(BaseModel):
    """The session that the phone is now part of."""

    session_id: UUID
    location_id: UUID
    table_id: UUID
    mode: Literal["dual"] = "dual"
    dual_status: Literal["paired"] = "paired"


class Partner(BaseModel):
    """Participant B with its credential."""

    participant_id: UUID
    role: Literal["B"] = "B"
    credential: str
    expires_at: datetime


class Joined(BaseModel):
    """The second phone is in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "session": {
                        "session_id": "3b1c6c39-55b7-4a37-8f0a-6a7f5b8e2d10",
                        "location_id": "6f0d2c1e-8f0b-4c53-9d0e-2f9f3f1f8a11",
                        "table_id": "f7a3b3d4-5a57-4a3c-8a55-0c1d2e3f4a5b",
                        "mode": "dual",
                        "dual_status": "paired",
                    },
                    "participant": {
                        "participant_id": "9d7c1c56-7f3e-4e0b-8a0f-6a1b2c3d4e5f",
                        "role": "B",
                        "credential": "eyJhbGciOiJFZERTQSJ9…",
                        "expires_at": "2026-03-16T18:00:00Z",
                    },
                }
            ]
        }
    )

    session: JoinedSession
    participant: Partner


class Invitation(BaseModel):
    """A code and a link, given to device A once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "BCD-FGH",
                    "expires_at": "2026-03-14T18:10:00Z",
                    "join_url": "https://example.org/t/kQ3vT9mZ#join=3b1c6c39-55b7-4a37-8f0a-6a7f5b8e2d10.AAAA…",
                }
            ]
        }
    )

    code: str
    expires_at: datetime
    join_url: str
