"""The question sets of this process, read once each: a version never changes.

Invariants: ``newest`` is at most ``REFRESH_S`` old while the database can be reached; a set that a log speaks of can
always be fetched by ``fetch``, also when another process began the game with it.
"""

from __future__ import annotations

import asyncio

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from session_api.play import queries
from session_api.play.domain.decks import CONTEXTS, Context, Question, QuestionSet, SetNotLoaded
from session_api.play.stored_set import StoredSet
from twotop_common.service_defaults.database import looks_unavailable
from twotop_common.service_defaults.logging import get_logger

log = get_logger(__name__)

REFRESH_S = 5.0


class QuestionShelf:
    """What the rules deal from (a ``Shelf``), and the texts that phones show."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions
        self._newest: dict[str, int] = {}
        self._stored: dict[tuple[Context, int], StoredSet] = {}
        self._sets: dict[tuple[Context, int], QuestionSet] = {}

    def newest(self, context: Context) -> QuestionSet | None:
        version = self._newest.get(context)
        return None if version is None else self._sets[context, version]

    def find(self, context: Context, version: int) -> QuestionSet:
        try:
            return self._sets[context, version]
        except KeyError:
            raise SetNotLoaded(context, version) from None

    async def fetch(self, context: Context, version: int) -> StoredSet | None:
        """One version with its texts; None when there is no such version."""
        known = self._stored.get((context, version))
        if known is not None:
            return known
        async with self._sessions() as session:
            stored = await queries.find_question_set(session, context, version)
        if stored is not None:
            self._stored[context, version] = stored
            self._sets[context, version] = _rules_view(stored)
        return stored

    async def refresh(self) -> None:
        """Look for new versions."""
        async with self._sessions() as session:
            newest = await queries.newest_versions(session)
        for context in CONTEXTS:
            version = newest.get(context)
            if version is not None and await self.fetch(context, version) is not None:
                self._newest[context] = version

    async def run(self) -> None:
        """Keep up with imports until cancelled."""
        while True:
            try:
                await self.refresh()
            except Exception as error:
                if not looks_unavailable(error):
                    raise
                log.warning("questions.unavailable", error=type(error).__name__)
            await asyncio.sleep(REFRESH_S)


def _rules_view(stored: StoredSet) -> QuestionSet:
    return QuestionSet(
        stored.context,
        stored.version,
        tuple(
            Question(entry.id, tuple(choice.id for choice in entry.choices or ()), entry.hint is not None)
            for entry in stored.questions
        ),
    )
