"""What session-api stores of phones being there. If it is lost, a phone counts as never heard of."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime
from sqlmodel import Field, SQLModel


def _instant() -> Any:
    return Column(DateTime(timezone=True))


class SightingRow(SQLModel, table=True):
    """When a participant's phone was last heard of."""

    __tablename__ = "sightings"

    session_id: UUID = Field(primary_key=True)
    participant_id: UUID = Field(primary_key=True)
    connected_at: datetime | None = Field(default=None, sa_column=_instant())
    gone_at: datetime | None = Field(default=None, sa_column=_instant())
    polled_at: datetime | None = Field(default=None, sa_column=_instant())
