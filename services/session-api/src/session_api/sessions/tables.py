"""What session-api stores of sessions. The log is the truth; the head is its fold, kept with what queries need.

Documents are ``json``, not ``jsonb``: they are read and replaced whole. Events and commands have no foreign key to
their head: they are only ever written in the statement that locks it, and the check would cost as much as the row.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column, DateTime, Index, LargeBinary, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel


def _instant(*, nullable: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable)


class SessionHeadRow(SQLModel, table=True):
    """The state after ``last_seq``, folded by ``code_version`` of the rules. Activity moves ``active_at``.

    ``awaited`` are the phones without whom a wish that waits would take effect; null when none waits. No index has it:
    with every second append of a pair it changes, and the row could not stay in its place (HOT). Those who look for it
    go through the live heads, 2 µs each. ``waiting_since`` is written no more: it is there for the version before
    this one, which may still run beside it, and goes with the next.
    """

    __tablename__ = "session_heads"
    __table_args__ = (Index("session_heads_live_by_table", "table_id", postgresql_where=text("ended_at IS NULL")),)

    session_id: UUID = Field(primary_key=True)
    location_id: UUID
    table_id: UUID
    mode: str
    state: str
    last_seq: int
    code_version: int
    document: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(sa_column=_instant())
    active_at: datetime = Field(sa_column=_instant())
    due_at: datetime = Field(sa_column=_instant())
    ended_at: datetime | None = Field(default=None, sa_column=_instant(nullable=True))
    waiting_since: datetime | None = Field(default=None, sa_column=_instant(nullable=True))
    awaited: list[UUID] | None = Field(default=None, sa_column=Column(ARRAY(Uuid())))


class SessionEventRow(SQLModel, table=True):
    """One event in its place. Never updated."""

    __tablename__ = "session_events"

    session_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    type: str
    version: int
    data: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    at: datetime = Field(sa_column=_instant())
    by: str
    command_id: str | None = None


class SessionCommandRow(SQLModel, table=True):
    """One accepted command, no-ops included: what makes a repeat a repeat. ``first_seq`` is null for a no-op.

    A renewal's key is as good as the credential it issues: it is a keyed hash, kept for ten minutes.
    """

    __tablename__ = "session_commands"
    __table_args__ = (Index("session_commands_renewals", "session_id", postgresql_where=text("key LIKE 'renew:%'")),)

    session_id: UUID = Field(primary_key=True)
    actor: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    body_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    first_seq: int | None = None
    last_seq: int


class CreationRow(SQLModel, table=True):
    """A recent ``POST /sessions`` by the keyed hash of its idempotency key, kept for ten minutes."""

    __tablename__ = "creations"
    __table_args__ = (Index("creations_expires_at", "expires_at"),)

    key_hash: str = Field(primary_key=True)
    body_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    session_id: UUID
    code_key_id: str | None = None
    expires_at: datetime = Field(sa_column=_instant())
