"""Tables. No code, secret or credential is in any of them, only keyed hashes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import DateTime, Index, text
from sqlmodel import Field, SQLModel

from twotop_common.messaging.inbox import InboxRow
from twotop_common.messaging.outbox import OutboxRow
from twotop_common.service_defaults.feature_flags import FlagRow

__all__ = [
    "AnswerRow",
    "CredentialGenerationRow",
    "FlagRow",
    "FormerCodeRow",
    "GuardRow",
    "InboxRow",
    "OutboxRow",
    "PairingRow",
    "PlaceRow",
]


class PlaceRow(SQLModel, table=True):
    """A table that has had a session. Its row is the lock under which typed codes are tried at that table."""

    __tablename__: ClassVar[Any] = "places"

    table_token: str = Field(primary_key=True)
    table_id: UUID
    location_id: UUID
    location_slug: str | None = None
    timezone: str
    day_starts_at_hour: int


class PairingRow(SQLModel, table=True):
    """One session. ``status`` and ``generation`` are the arbiter; everything before ``status`` is as it was told."""

    __tablename__: ClassVar[Any] = "pairings"
    __table_args__ = (
        Index("pairings_by_code", "table_id", "code_hash", postgresql_where=text("code_hash IS NOT NULL")),
        Index("pairings_waiting", "table_id", postgresql_where=text("status = 'waiting'")),
        Index("pairings_ended", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
        Index("pairings_outlived", "credential_expires_at"),
    )

    session_id: UUID = Field(primary_key=True)
    mode: str | None = None
    table_token: str | None = None
    table_id: UUID | None = None
    location_id: UUID | None = None
    participant_id: UUID | None = None
    credential_generation: int = 0
    credential_expires_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    code_life_s: int = Field(sa_column_kwargs={"server_default": "600"})
    status: str
    generation: int = 0
    code_hash: str | None = None
    offered_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    expires_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    wrong_tries: int = 0
    partner_id: UUID | None = None
    matched_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    partner_away: bool = False
    partner_left: bool = False
    partner_seen_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    partner_polled_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    ended: str | None = None
    ended_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class FormerCodeRow(SQLModel, table=True):
    """A code whose generation is over, so that who still types it hears "expired" and is not counted as guessing."""

    __tablename__: ClassVar[Any] = "former_codes"
    __table_args__ = (Index("former_codes_by_code", "table_id", "code_hash"),)

    session_id: UUID = Field(primary_key=True)
    generation: int = Field(primary_key=True)
    table_id: UUID
    code_hash: str
    status: str
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))


class GuardRow(SQLModel, table=True):
    """Wrong tries at one table on one service day. By its token: a table of which nothing is known counts too."""

    __tablename__: ClassVar[Any] = "guards"

    table_token: str = Field(primary_key=True)
    service_day: date = Field(primary_key=True, index=True)
    wrong_tries: int = 0
    unsure_tries: int = 0


class CredentialGenerationRow(SQLModel, table=True):
    """The newest generation of a renewed credential; it may be heard of before the session is."""

    __tablename__: ClassVar[Any] = "credential_generations"

    participant_id: UUID = Field(primary_key=True)
    session_id: UUID = Field(index=True)
    generation: int


class AnswerRow(SQLModel, table=True):
    """What a request with an idempotency key came to; enough to say it again, nothing that is secret."""

    __tablename__: ClassVar[Any] = "answers"

    key_hash: str = Field(primary_key=True)
    body_hash: str
    state: str
    begun_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)
    session_id: UUID | None = None
    participant_id: UUID | None = None
    generation: int | None = None
    code_key_id: str | None = None
    answered_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    expires_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
