"""Every query about flags, by name."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from twotop_common.service_defaults.feature_flags import FlagRow

_RAISE = text(
    """
    INSERT INTO flags (name, enabled, version) VALUES (:name, :enabled, 1)
    ON CONFLICT (name) DO UPDATE
    SET enabled = excluded.enabled, version = flags.version + 1, changed_at = now()
    RETURNING version
    """
)


async def stored_flags(session: AsyncSession) -> list[FlagRow]:
    """Every flag that was ever changed from its default."""
    return list((await session.execute(select(FlagRow).order_by(col(FlagRow.name)))).scalars())


async def write_flag(session: AsyncSession, name: str, enabled: bool) -> int:
    """Store the flag's new value under the next version, which is returned."""
    version: int = (await session.execute(_RAISE, {"name": name, "enabled": enabled})).scalar_one()
    return version
