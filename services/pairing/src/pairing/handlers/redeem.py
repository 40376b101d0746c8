"""What both ways of joining share: the match itself, its answer, and the same answer again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from pairing.domain import Offer, Pairing, Tombstone
from pairing.errors import code_invalid
from pairing.handlers.expire import expire_left_code
from pairing.handlers.surroundings import TIME_TO_PAIR, Surroundings
from pairing.queries import pairings
from pairing.queries.answers import Answer, RequestKey
from pairing.queries.pairings import Matched
from pairing.schemas import JoinDual, Joined, JoinedSession, Partner
from twotop_common.contracts.pairing import PairingMatched
from twotop_common.credentials import CredentialExpired, CredentialInvalid, ParticipantClaims
from twotop_common.messaging.outbox import outbox_record
from twotop_common.service_defaults.logging import get_logger

log = get_logger(__name__)

FIRST_GENERATION = 1
"""Every partner is a new participant, so its credential always begins here."""


@dataclass(frozen=True, slots=True)
class Redemption:
    """A match that has been written but not yet committed."""

    matched: Matched
    partner_id: UUID
    generation: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Leaving:
    """Who the phone is in the session that it leaves, and the table at which it joins another."""

    claims: ParticipantClaims
    table_token: str


async def redeem(
    session: AsyncSession, offer: Offer, key: RequestKey | None, now: datetime, *, leaving: Leaving | None = None
) -> Redemption | None:
    """Make this offer's session paired, in the caller's transaction. None when it is not open any more.

    The code of the session that the phone leaves runs out with the match: of two phones that join each other in one
    moment the second comes too late, and finds the first at its own table. Two joins that lock each other's rows have
    to come one after another: whoever gives ``leaving`` holds the table's place.
    """
    partner_id = uuid4()
    message = PairingMatched(
        session_id=offer.session_id,
        generation=offer.generation,
        participant_id=partner_id,
        credential_generation=FIRST_GENERATION,
        matched_at=now,
    )
    matched = await pairings.match(
        session,
        offer,
        partner_id,
        now,
        message=outbox_record(message, subject=str(offer.session_id), source="pairing"),
        key_hash=None if key is None else key.key_hashes[0],
    )
    if matched is None:
        return None
    if leaving is not None:
        await expire_left_code(session, leaving.claims, leaving.table_token, now)
    return Redemption(matched, partner_id, offer.generation, now)


def leaving_of(surroundings: Surroundings, request: JoinDual) -> Leaving | None:
    """What the phone leaves, if it says so with a credential that is valid; without one it joins all the same."""
    if request.leaving_credential is None:
        return None
    try:
        claims = surroundings.verifier.verify(request.leaving_credential.get_secret_value(), surroundings.now())
    except (CredentialInvalid, CredentialExpired):
        return None
    return Leaving(claims, request.table_token)


def joined(surroundings: Surroundings, redemption: Redemption) -> Joined:
    """The answer of a committed match; wakes the relay, so call it right after the commit."""
    surroundings.wake()
    matched = redemption.matched
    TIME_TO_PAIR.observe((redemption.at - matched.offered_at).total_seconds())
    log.info("pairing.matched", session_id=str(matched.session_id), generation=redemption.generation)
    return _joined(surroundings, matched, redemption.partner_id, redemption.at)


async def answer_again(surroundings: Surroundings, session: AsyncSession, answer: Answer) -> Joined:
    """The first answer of a repeated request: equal claims give an equal credential. Raises Problem for a wrong try."""
    if answer.session_id is None or answer.participant_id is None or answer.answered_at is None:
        raise code_invalid()
    pairing = await pairings.find_pairing(session, answer.session_id)
    if pairing is None or isinstance(pairing, Tombstone):
        raise code_invalid()
    return _joined(surroundings, pairing, answer.participant_id, answer.answered_at)


def _joined(surroundings: Surroundings, session: Matched | Pairing, partner_id: UUID, at: datetime) -> Joined:
    claims = ParticipantClaims(
        session_id=session.session_id,
        participant_id=partner_id,
        role="B",
        generation=FIRST_GENERATION,
        issued_at=at.replace(microsecond=0),
        expires_at=session.credential_expires_at.replace(microsecond=0),
    )
    return Joined(
        session=JoinedSession(
            session_id=session.session_id, location_id=session.location_id, table_id=session.table_id
        ),
        participant=Partner(
            participant_id=partner_id, credential=surroundings.signer.issue(claims), expires_at=claims.expires_at
        ),
    )
