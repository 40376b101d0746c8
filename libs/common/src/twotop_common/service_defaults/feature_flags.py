"""Feature flags: a default in settings, changed by an operator at session-api, announced with a version.

Each service keeps the newest version in its own table and looks there every second, because only one instance of a
service receives the announcement. A higher version wins; an older one that arrives late changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, CursorResult, DateTime, func, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlmodel import Field, SQLModel

from twotop_common.contracts.session_api import FlagChanged
from twotop_common.service_defaults.database import looks_unavailable
from twotop_common.service_defaults.logging import get_logger

log = get_logger(__name__)

DUAL_PAIRING_CODE_ENABLED = "DUAL_PAIRING_CODE_ENABLED"
REFRESH_S = 1.0

FLAGS_DDL = """
CREATE TABLE flags (
    name text PRIMARY KEY,
    enabled boolean NOT NULL,
    version bigint NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
)
"""
_APPLY = text("""
INSERT INTO flags (name, enabled, version) VALUES (:name, :enabled, :version)
ON CONFLICT (name) DO UPDATE SET enabled = excluded.enabled, version = excluded.version, changed_at = now()
WHERE flags.version < excluded.version
""")


_LOAD = text("SELECT name, enabled FROM flags")


class FlagRow(SQLModel, table=True):
    """The newest known value of one flag."""

    __tablename__: ClassVar[Any] = "flags"

    name: str = Field(primary_key=True)
    enabled: bool
    version: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


async def apply_flag(session: AsyncSession, change: FlagChanged) -> bool:
    """Store ``change`` in the session's transaction unless a newer version is there. Whether it was stored."""
    result = await session.execute(_APPLY, {"name": change.name, "enabled": change.enabled, "version": change.version})
    return isinstance(result, CursorResult) and result.rowcount == 1


class FeatureFlags:
    """What is switched on here now. ``enabled`` costs a dictionary look-up."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], defaults: Mapping[str, bool]) -> None:
        self._sessions = sessions
        self._defaults = dict(defaults)
        self._values = dict(defaults)

    def enabled(self, name: str) -> bool:
        """Raises KeyError for a flag that has no default."""
        return self._values[name]

    async def load(self) -> None:
        """Look into the table now: at start, and after a change that this instance received."""
        async with self._sessions() as session:
            rows = (await session.execute(_LOAD)).all()
        stored = {name: enabled for name, enabled in rows if name in self._defaults}
        self._values = {**self._defaults, **stored}

    async def run(self) -> None:
        """Look every second until cancelled. While the database is away the last values stand."""
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self.load()
            except Exception as error:
                if not looks_unavailable(error):
                    raise
                log.info("flags.database_away", error=type(error).__name__)
