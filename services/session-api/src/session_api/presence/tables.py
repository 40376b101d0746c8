"""What session-api stores of phones being there. If it is lost, a wish only has to be made again."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime
from sqlmodel import Field, SQLModel


def _instant(*, nullable: bool) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable)


class SightingRow(SQLModel, table=True):
    """When a participant's phone was last heard of."""

    __tablename__ = "sightings"

    session_id: UUID = Field(primary_key=True)
    participant_id: UUID = Field(primary_key=True)
    connected_at: datetime | None = Field(default=None, sa_column=_instant(nullable=True))
    gone_at: datetime | None = Field(default=None, sa_column=_instant(nullable=True))
    polled_at: datetime | None = Field(default=None, sa_column=_instant(nullable=True))


class WaitingWishRow(SQLModel, table=True):
    """A session in which one phone waits for the other to agree."""

    __tablename__ = "waiting_wishes"

    session_id: UUID = Field(primary_key=True)
    since: datetime = Field(sa_column=_instant(nullable=False))
