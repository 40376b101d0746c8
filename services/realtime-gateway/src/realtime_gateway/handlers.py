"""Use cases that touch the database, one transaction each.

They follow the facts, number the sockets and declare participants gone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from realtime_gateway import queries
from realtime_gateway.domain.roster import Roster
from realtime_gateway.errors import DatabaseUnavailable
from realtime_gateway.queries import GoneParticipant, HeldSocket
from twotop_common.contracts.realtime_gateway import ParticipantConnected, ParticipantGone
from twotop_common.contracts.registry import Service
from twotop_common.contracts.session_api import (
    ParticipantAdmitted,
    ParticipantLeft,
    ParticipantRenewed,
    Role,
    SessionCreated,
    SessionEnded,
)
from twotop_common.credentials import ParticipantClaims
from twotop_common.messaging.outbox import enqueue, outbox_record
from twotop_common.service_defaults.database import looks_unavailable

SOURCE: Service = "realtime-gateway"


class Handlers:
    """``wake`` is called after a commit that put a fact into the outbox."""

    def __init__(self, engine: AsyncEngine, *, instance_id: UUID, name: str, wake: Callable[[], None]) -> None:
        self._transactions = async_sessionmaker(engine, expire_on_commit=False)
        self._statements = async_sessionmaker(engine.execution_options(isolation_level="AUTOCOMMIT"))
        self._instance_id = instance_id
        self._name = name
        self._wake = wake

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncSession]:
        """One transaction. Raises DatabaseUnavailable."""
        try:
            async with self._transactions.begin() as session:
                yield session
        except Exception as error:
            _raise_unavailable(error)
            raise

    @asynccontextmanager
    async def _statement(self) -> AsyncIterator[AsyncSession]:
        """For a single statement, which is a transaction by itself: one trip. Raises DatabaseUnavailable."""
        try:
            async with self._statements() as session:
                yield session
        except Exception as error:
            _raise_unavailable(error)
            raise

    # -- facts of session-api

    async def session_created(self, fact: SessionCreated) -> None:
        await self.register(fact.session_id, fact.participant_id, fact.role, fact.generation, fact.seq)

    async def participant_admitted(self, fact: ParticipantAdmitted) -> None:
        await self.register(fact.session_id, fact.participant_id, fact.role, fact.generation, fact.seq)

    async def participant_renewed(self, fact: ParticipantRenewed) -> None:
        await self.register(fact.session_id, fact.participant_id, None, fact.generation, fact.seq)

    async def participant_left(self, fact: ParticipantLeft) -> None:
        async with self._transaction() as session:
            await queries.leave(session, fact.session_id, fact.participant_id, role=fact.role, seq=fact.seq)

    async def session_ended(self, fact: SessionEnded) -> None:
        async with self._transaction() as session:
            await queries.end_session(session, fact.session_id, seq=fact.seq, ended_at=fact.ended_at)

    async def register(
        self, session_id: UUID, participant_id: UUID, role: Role | None, generation: int, seq: int
    ) -> None:
        """A participant is on the roster with this generation, as a fact or the owner itself says."""
        async with self._transaction() as session:
            await queries.register(session, session_id, participant_id, role=role, generation=generation, seq=seq)

    # -- sockets

    async def load_roster(self, session_id: UUID) -> Roster:
        """What the gateway's own table says about a session."""
        async with self._statement() as session:
            registered, ended = await queries.roster(session, session_id)
        roster = Roster(ended=ended)
        for participant in registered:
            roster.admit(participant.participant_id, participant.generation)
            if participant.has_left:
                roster.leave(participant.participant_id)
        return roster

    async def connect(self, claims: ParticipantClaims) -> int:
        """A socket opened: its number in the order of this participant's sockets, and the fact that it opened."""
        connected = ParticipantConnected(
            session_id=claims.session_id,
            participant_id=claims.participant_id,
            role=claims.role,
            connected_at=datetime.now(UTC),
        )
        record = outbox_record(connected, subject=str(claims.session_id), source=SOURCE)
        async with self._statement() as session:
            connection = await queries.claim_connection(session, claims, self._instance_id, record)
        self._wake()
        return connection

    async def declare_gone(self, away: Sequence[HeldSocket], gone_at: datetime) -> list[GoneParticipant]:
        """The away time of these is over. Those that came back, here or elsewhere, are not gone."""
        async with self._transaction() as session:
            gone = await queries.mark_gone(session, away, self._instance_id)
            _announce(session, gone, gone_at)
        self._wake()
        return gone

    async def find_replaced(self, held: Sequence[HeldSocket]) -> list[HeldSocket]:
        """Which of our sockets are not their participant's newest."""
        async with self._statement() as session:
            return await queries.replaced(session, held)

    # -- instances

    async def beat(self) -> bool:
        """Say that this instance lives. True when it was not known: new, or declared dead meanwhile."""
        async with self._statement() as session:
            return await queries.beat(session, self._instance_id, self._name)

    async def bury_dead_instances(self, silence_s: float, gone_at: datetime) -> list[GoneParticipant]:
        """Participants of instances that have been silent too long are gone, unless they have come back elsewhere."""
        async with self._transaction() as session:
            gone = await queries.take_dead_instances(session, self._instance_id, silence_s)
            _announce(session, gone, gone_at)
        if gone:
            self._wake()
        return gone


def _raise_unavailable(error: Exception) -> None:
    if looks_unavailable(error):
        raise DatabaseUnavailable(type(error).__name__) from error


def _announce(session: AsyncSession, gone: Sequence[GoneParticipant], gone_at: datetime) -> None:
    for participant in gone:
        fact = ParticipantGone(
            session_id=participant.session_id,
            participant_id=participant.participant_id,
            role=cast(Role, participant.role),
            gone_at=gone_at,
        )
        enqueue(session, fact, subject=str(participant.session_id), source=SOURCE)
