"""A flag changes here and is announced in one transaction, always under a higher version."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from session_api.flags.handlers import UnknownFlag, list_flags, set_flag
from twotop_common.service_defaults.database import open_database_at
from twotop_common.service_defaults.feature_flags import DUAL_PAIRING_CODE_ENABLED, FeatureFlags
from twotop_common.testing.backends import ServiceDatabase
from twotop_common.testing.eventually import eventually

pytestmark = pytest.mark.integration
Sessions = async_sessionmaker[AsyncSession]
DEFAULTS = {DUAL_PAIRING_CODE_ENABLED: True}


@pytest_asyncio.fixture
async def sessions(service_database: ServiceDatabase) -> AsyncIterator[Sessions]:
    async with open_database_at(await service_database("session_api"), pool_size=4) as database:
        yield database.sessions


async def switch(sessions: Sessions, enabled: bool) -> int:
    async with sessions.begin() as session:
        return (await set_flag(session, DUAL_PAIRING_CODE_ENABLED, enabled, DEFAULTS)).version


async def announced(sessions: Sessions) -> list[tuple[str, bool, int]]:
    async with sessions() as session:
        bodies = (await session.execute(text("SELECT body FROM outbox ORDER BY position"))).scalars()
        envelopes = [orjson.loads(body) for body in bodies]
    assert {envelope["type"] for envelope in envelopes} <= {"twotop.flag.changed.v1"}
    return [(e["data"]["name"], e["data"]["enabled"], e["data"]["version"]) for e in envelopes]


async def test_a_default_stands_until_it_is_changed(sessions: Sessions) -> None:
    async with sessions() as session:
        [flag] = await list_flags(session, DEFAULTS)
    assert (flag.name, flag.enabled, flag.version, flag.changed_at) == (DUAL_PAIRING_CODE_ENABLED, True, 0, None)


async def test_every_change_has_the_next_version_and_is_announced(sessions: Sessions) -> None:
    assert [await switch(sessions, value) for value in (False, True, True)] == [1, 2, 3]
    assert await announced(sessions) == [
        (DUAL_PAIRING_CODE_ENABLED, False, 1),
        (DUAL_PAIRING_CODE_ENABLED, True, 2),
        (DUAL_PAIRING_CODE_ENABLED, True, 3),
    ]
    async with sessions() as session:
        [flag] = await list_flags(session, DEFAULTS)
    assert (flag.enabled, flag.version) == (True, 3)
    assert flag.changed_at is not None


async def test_an_unknown_flag_is_refused_and_nothing_is_announced(sessions: Sessions) -> None:
    with pytest.raises(UnknownFlag):
        async with sessions.begin() as session:
            await set_flag(session, "DUAL", False, DEFAULTS)
    assert await announced(sessions) == []


async def test_a_change_that_is_not_committed_is_not_announced(sessions: Sessions) -> None:
    async with sessions() as session:
        await set_flag(session, DUAL_PAIRING_CODE_ENABLED, False, DEFAULTS)
        await session.rollback()
    assert await announced(sessions) == []


async def test_session_api_itself_follows_the_change(sessions: Sessions) -> None:
    flags = FeatureFlags(sessions, DEFAULTS)
    await flags.load()
    assert flags.enabled(DUAL_PAIRING_CODE_ENABLED)
    await switch(sessions, False)

    async def off() -> bool:
        await flags.load()
        return not flags.enabled(DUAL_PAIRING_CODE_ENABLED)

    await eventually(off)
