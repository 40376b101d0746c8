"""What session-api stores of statistics: anonymous rows that outlive the sessions they were counted from."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index
from sqlmodel import Field, SQLModel


class AnalyticsRow(SQLModel, table=True):
    """One milestone of a session. ``duration_s``: its age then, in whole minutes; ``count``: the phones it had had."""

    __tablename__ = "analytics_events"
    __table_args__ = (Index("analytics_events_by_day", "service_day", "location_id", "kind"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    kind: str
    location_id: UUID
    service_day: date
    mode: str | None = None
    context: str | None = None
    reason: str | None = None
    duration_s: int | None = None
    count: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
