"""List and change flags. One function per use case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from session_api.flags import queries
from twotop_common.contracts.session_api import FlagChanged
from twotop_common.messaging.outbox import enqueue


class UnknownFlag(Exception):
    """No flag has this name; a misspelt one must not seem to be set."""


@dataclass(frozen=True, slots=True)
class Flag:
    """``version`` is 0 and ``changed_at`` None while the default stands."""

    name: str
    enabled: bool
    version: int
    changed_at: datetime | None


async def list_flags(session: AsyncSession, defaults: Mapping[str, bool]) -> list[Flag]:
    """Every known flag, in the order of its name."""
    stored = {row.name: row for row in await queries.stored_flags(session)}
    return [
        Flag(name, row.enabled, row.version, row.changed_at)
        if (row := stored.get(name)) is not None
        else Flag(name, default, 0, None)
        for name, default in sorted(defaults.items())
    ]


async def set_flag(session: AsyncSession, name: str, enabled: bool, defaults: Mapping[str, bool]) -> FlagChanged:
    """Change a flag and announce it, in the session's transaction. The relay of a running service sends it on.

    Setting the value that already stands announces it anew under a higher version, which repairs a service that
    missed it. Raises UnknownFlag.
    """
    if name not in defaults:
        raise UnknownFlag(name)
    change = FlagChanged(name=name, enabled=enabled, version=await queries.write_flag(session, name, enabled))
    enqueue(session, change, subject=name, source="session-api")
    return change
