"""The table of deadlines. One row for each subject and kind; a row with ``forget_at`` is a tombstone."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, text
from sqlmodel import Field, SQLModel


class DeadlineRow(SQLModel, table=True):
    """What ``domain.Standing`` knows, under its subject and kind."""

    __tablename__ = "deadlines"
    __table_args__ = (
        Index("deadlines_firing", "fires_at", postgresql_where=text("fires_at IS NOT NULL")),
        Index("deadlines_forgettable", "forget_at", postgresql_where=text("forget_at IS NOT NULL")),
    )

    session_id: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True, max_length=16)
    position: int = Field(sa_type=BigInteger, default=0)
    due_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    fires_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    asked: int = 0
    forget_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
