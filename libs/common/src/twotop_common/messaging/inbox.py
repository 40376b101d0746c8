"""The inbox: which messages a consumer has handled, written in the handler's own transaction.

A message is delivered at least once; the row makes its effect happen once. Two deliveries at the same time wait for
each other on the primary key, and the second learns that it is one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CursorResult, DateTime, func, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel

INBOX_DDL = """
CREATE TABLE inbox (
    consumer text NOT NULL,
    message_id uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
)
"""


class InboxRow(SQLModel, table=True):
    """One handled message of one consumer."""

    __tablename__: ClassVar[Any] = "inbox"

    consumer: str = Field(primary_key=True)
    message_id: UUID = Field(primary_key=True)
    received_at: datetime | None = Field(
        default=None,
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"nullable": False, "server_default": func.now()},
    )


_INSERT = text("INSERT INTO inbox (consumer, message_id) VALUES (:consumer, :message_id) ON CONFLICT DO NOTHING")
_PRUNE = text("DELETE FROM inbox WHERE received_at < :older_than")


async def first_time(session: AsyncSession, consumer: str, message_id: UUID) -> bool:
    """Whether this consumer sees the message for the first time; call it first in the handler's transaction."""
    result = await session.execute(_INSERT, {"consumer": consumer, "message_id": message_id})
    return _rows(result) == 1


async def prune_inbox(session: AsyncSession, *, older_than: datetime) -> int:
    """Forget messages handled before ``older_than``, which must be older than any redelivery. How many went."""
    return _rows(await session.execute(_PRUNE, {"older_than": older_than}))


def _rows(result: object) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0
