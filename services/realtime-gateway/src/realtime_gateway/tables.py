"""The gateway's tables: who is registered, which sessions are over, and which instances are alive."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, func
from sqlmodel import Field, SQLModel

from twotop_common.messaging.outbox import OutboxRow

__all__ = ["EndedSession", "Instance", "OutboxRow", "Registration"]


class Registration(SQLModel, table=True):
    """A participant. Generations only rise and ``has_left`` sticks, so facts may come twice and in any order.

    ``connection`` is the number of its newest socket on any instance; ``instance_id`` the instance that holds that
    socket, or lost it less than the gone time ago; null when the participant is gone.
    """

    __tablename__: ClassVar[Any] = "registrations"

    session_id: UUID = Field(primary_key=True)
    participant_id: UUID = Field(primary_key=True)
    role: str | None = None
    generation: int = 0
    has_left: bool = False
    seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    connection: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    instance_id: UUID | None = Field(default=None, index=True)
    last_seen_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class EndedSession(SQLModel, table=True):
    """A tombstone: whatever arrives late about this session lets nobody in."""

    __tablename__: ClassVar[Any] = "ended_sessions"

    session_id: UUID = Field(primary_key=True)
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    ended_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class Instance(SQLModel, table=True):
    """One life of one gateway process. A silent one is dead; another declares its participants gone."""

    __tablename__: ClassVar[Any] = "instances"

    instance_id: UUID = Field(primary_key=True)
    name: str
    heartbeat_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now()))
