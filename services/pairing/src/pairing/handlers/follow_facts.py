"""What pairing learns from the other services. Facts may come twice, late and in any order."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from pairing.domain import Place, Status
from pairing.queries import facts, places
from pairing.tables import PairingRow
from twotop_common.contracts.realtime_gateway import ParticipantConnected, ParticipantGone
from twotop_common.contracts.session_api import (
    ParticipantLeft,
    ParticipantPolling,
    ParticipantRenewed,
    SessionCreated,
    SessionEnded,
)


async def take_in_session(session: AsyncSession, fact: SessionCreated, created_at: datetime) -> None:
    """Know a new session: waiting with its first code, or alone."""
    place = fact.place
    offer = fact.pairing
    await places.know_place(
        session,
        Place(
            place.table_token,
            place.table_id,
            place.location_id,
            place.location_slug,
            place.timezone,
            place.day_starts_at_hour,
        ),
    )
    await facts.begin(
        session,
        PairingRow(
            session_id=fact.session_id,
            mode=fact.mode,
            table_token=place.table_token,
            table_id=place.table_id,
            location_id=place.location_id,
            participant_id=fact.participant_id,
            credential_generation=fact.generation,
            credential_expires_at=fact.credential_expires_at,
            code_life_s=fact.code_life_s,
            status=(Status.ALONE if offer is None else Status.WAITING).value,
            generation=0 if offer is None else offer.generation,
            code_hash=None if offer is None else offer.code_hash,
            offered_at=None if offer is None else created_at,
            expires_at=None if offer is None else offer.expires_at,
        ),
    )


async def take_in_end(session: AsyncSession, fact: SessionEnded) -> None:
    """The session is over: its codes with it."""
    await facts.end(session, fact.session_id, fact.state, fact.ended_at)


async def take_in_renewal(session: AsyncSession, fact: ParticipantRenewed) -> None:
    """Credentials of lower generations are revoked."""
    await facts.note_renewal(session, fact.session_id, fact.participant_id, fact.generation)


async def take_in_leaving(session: AsyncSession, fact: ParticipantLeft) -> None:
    """B left, so A may invite again."""
    await facts.note_partner_left(session, fact.session_id, fact.participant_id)


async def take_in_gone(session: AsyncSession, fact: ParticipantGone) -> None:
    """B has had no socket for 20 s, so A may invite again."""
    await facts.note_partner(session, fact.session_id, fact.participant_id, away=True, at=fact.gone_at)


async def take_in_connected(session: AsyncSession, fact: ParticipantConnected) -> None:
    """B is here."""
    await facts.note_partner(session, fact.session_id, fact.participant_id, away=False, at=fact.connected_at)


async def take_in_polling(session: AsyncSession, fact: ParticipantPolling) -> None:
    """B is here, although no gateway sees it."""
    await facts.note_partner_polled(session, fact.session_id, fact.participant_id, fact.polled_at)
