"""What session-api stores about venues. Opening hours and lifetimes are read and replaced whole, so they are JSON."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

DOCUMENT = JSON().with_variant(JSONB(), "postgresql")


class TenantRow(SQLModel, table=True):
    """A restaurant company."""

    __tablename__ = "tenants"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    slug: str = Field(unique=True)
    name: str


class LocationRow(SQLModel, table=True):
    """One restaurant. ``lifetimes`` holds only what differs from the defaults."""

    __tablename__ = "locations"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    tenant_id: UUID = Field(foreign_key="tenants.id", index=True)
    slug: str = Field(unique=True)
    name: str
    timezone: str
    day_starts_at_hour: int
    language: str
    currency: str
    table_session_cap: int
    hours: dict[str, Any] = Field(sa_column=Column(DOCUMENT, nullable=False))
    lifetimes: dict[str, Any] = Field(sa_column=Column(DOCUMENT, nullable=False))


class TableRow(SQLModel, table=True):
    """One physical table. ``token`` is in its printed URL; raising ``qr_version`` revokes its signed codes."""

    __tablename__ = "tables"
    __table_args__ = (UniqueConstraint("location_id", "number"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    location_id: UUID = Field(foreign_key="locations.id")
    number: str
    zone: str | None = None
    seats: int | None = None
    token: str = Field(unique=True)
    enabled: bool = True
    qr_version: int = 1
