"""The anonymous rows. No time stamp: the service day is all that is kept."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index
from sqlmodel import Field, SQLModel


class AnalyticsEventRow(SQLModel, table=True):
    """One AnalyticsRecord."""

    __tablename__: ClassVar[Any] = "analytics_events"
    __table_args__ = (Index("analytics_events_by_day", "service_day", "location_id", "kind"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    kind: str
    location_id: UUID
    service_day: date
    mode: str | None = None
    context: str | None = None
    reason: str | None = None
    duration_s: int | None = None
    count: int = 1
