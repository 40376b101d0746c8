"""What device A may do while no partner is here: ask for another code, or go on alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from pairing.domain import Pairing, Tombstone, is_alone, refuse_new_code, refuse_to_go_on_alone
from pairing.errors import (
    REFUSALS,
    credential_invalid,
    not_a_participant,
    not_known_yet,
    only_the_first_phone,
    pairing_disabled,
    session_closed,
    session_expired,
)
from pairing.handlers.surroundings import LOOK_AGAIN_EVERY_S, LOOK_AGAIN_FOR_S, Surroundings, claim, within_patience
from pairing.queries import answers, pairings
from pairing.queries.answers import Answer, RequestKey, State
from pairing.queries.pairings import NewCode
from pairing.schemas import Invitation
from twotop_common.contracts.pairing import PairingCancelled, PairingCodeReplaced
from twotop_common.credentials import ParticipantClaims
from twotop_common.hashed_codes import UnknownKey, derive_code, derive_join_secret, format_code, hash_code
from twotop_common.messaging.outbox import enqueue
from twotop_common.service_defaults.feature_flags import DUAL_PAIRING_CODE_ENABLED
from twotop_common.service_defaults.logging import get_logger
from twotop_common.service_defaults.problems import unavailable

log = get_logger(__name__)

T = TypeVar("T")
OVERTAKEN_AT_MOST = 20
"""One client does not change its session more often in the time of one request."""


class _Overtaken(Exception):
    """Another request changed the session between our look and our write."""


async def replace_code(
    surroundings: Surroundings, claims: ParticipantClaims, session_id: UUID, idempotency_key: str | None
) -> Invitation:
    """A new code and link for A, the old ones dead; the same again for the same key.

    Raises Problem: ``pairing_disabled``, ``not_a_participant``, ``not_allowed``, ``credential_invalid``,
    ``already_paired`` (B is here), ``session_closed``, ``session_expired``, ``idempotency_in_progress``,
    ``unavailable``.
    """
    if not surroundings.flags.enabled(DUAL_PAIRING_CODE_ENABLED):
        raise pairing_disabled()
    # Bound to the participant: a key of one session answers nothing about another.
    operation = f"pairing-code:{session_id}:{claims.participant_id}"
    key = surroundings.request_key(operation, idempotency_key, {})
    return await _once_known(surroundings, session_id, lambda: _replace(surroundings, claims, session_id, key))


async def go_on_alone(surroundings: Surroundings, claims: ParticipantClaims, session_id: UUID) -> None:
    """Stop waiting, or part from a B that has left, is gone or never came; nothing changes when A is alone.

    Raises Problem: ``not_a_participant``, ``not_allowed``, ``credential_invalid``, ``already_paired``,
    ``session_closed``, ``session_expired``, ``unavailable``.
    """
    await _once_known(surroundings, session_id, lambda: _cancel(surroundings, claims, session_id))


async def _once_known(surroundings: Surroundings, session_id: UUID, act: Callable[[], Awaitable[T | None]]) -> T:
    """``act`` gives None while the session is unknown; when it was overtaken it looks again at once."""
    if surroundings.refusing():
        raise unavailable()
    until = time.monotonic() + LOOK_AGAIN_FOR_S
    async with within_patience():
        for _ in range(OVERTAKEN_AT_MOST):
            try:
                async with surroundings.turnstile.one_at_a_time(session_id):
                    answer = await act()
            except _Overtaken:
                continue
            if answer is not None:
                return answer
            if time.monotonic() >= until:
                raise not_known_yet()
            await asyncio.sleep(LOOK_AGAIN_EVERY_S)
    raise unavailable()


async def _replace(
    surroundings: Surroundings, claims: ParticipantClaims, session_id: UUID, key: RequestKey | None
) -> Invitation | None:
    now = surroundings.now()
    ring = surroundings.key_ring
    async with surroundings.sessions() as session:
        pairing = await admitted(session, claims, session_id)
        if pairing is None:
            return None
        earlier = await claim(session, key, now)
        if earlier is not None:
            return _answer_again(surroundings, pairing, earlier)
        refusal = refuse_new_code(pairing, now)
        if refusal is not None:
            raise REFUSALS[refusal]()
        generation, expires_at = pairing.generation + 1, now + pairing.code_life
        code = derive_code(ring, ring.current_id, session_id, generation)
        code_hash = hash_code(ring, f"pairing-code:{pairing.table_id}", code)
        if not await pairings.replace(session, pairing, NewCode(code_hash, now, expires_at)):
            raise _Overtaken
        message = PairingCodeReplaced(
            session_id=session_id, generation=generation, expires_at=expires_at, replaced_at=now
        )
        enqueue(session, message, subject=str(session_id), source="pairing")
        if key is not None:
            answer = Answer(
                State.INVITED, session_id, claims.participant_id, generation, ring.current_id, now, expires_at
            )
            await answers.record(session, key, answer)
        await session.commit()
    surroundings.wake()
    log.info("pairing.code_replaced", session_id=str(session_id), generation=generation)
    return _invitation(surroundings, pairing, ring.current_id, generation, expires_at)


async def _cancel(surroundings: Surroundings, claims: ParticipantClaims, session_id: UUID) -> bool | None:
    now = surroundings.now()
    async with surroundings.sessions() as session:
        pairing = await admitted(session, claims, session_id)
        if pairing is None:
            return None
        refusal = refuse_to_go_on_alone(pairing, now)
        if refusal is not None:
            raise REFUSALS[refusal]()
        if is_alone(pairing):
            return True
        if not await pairings.cancel(session, pairing):
            raise _Overtaken
        message = PairingCancelled(session_id=session_id, generation=pairing.generation, cancelled_at=now)
        enqueue(session, message, subject=str(session_id), source="pairing")
        await session.commit()
    surroundings.wake()
    log.info("pairing.cancelled", session_id=str(session_id), generation=pairing.generation)
    return True


async def admitted(session: AsyncSession, claims: ParticipantClaims, session_id: UUID) -> Pairing | None:
    """The session, when it is known and these claims are A's present ones. Raises Problem."""
    if claims.session_id != session_id:
        raise not_a_participant()
    pairing = await pairings.find_pairing(session, session_id)
    if isinstance(pairing, Tombstone):
        raise session_expired() if pairing.ended == "expired" else session_closed()
    if claims.role != "A":
        raise only_the_first_phone()
    if pairing is None:
        return None
    if claims.participant_id != pairing.participant_id:
        raise not_a_participant()
    if claims.generation < pairing.credential_generation:
        raise credential_invalid()
    return pairing


def _answer_again(surroundings: Surroundings, pairing: Pairing, answer: Answer) -> Invitation:
    if answer.generation is None or answer.code_key_id is None or answer.expires_at is None:
        raise not_known_yet()
    try:
        return _invitation(surroundings, pairing, answer.code_key_id, answer.generation, answer.expires_at)
    except UnknownKey:
        # The key was removed from the ring within these ten minutes: the code is dead with it.
        raise not_known_yet() from None


def _invitation(
    surroundings: Surroundings, pairing: Pairing, key_id: str, generation: int, expires_at: datetime
) -> Invitation:
    secret = derive_join_secret(surroundings.key_ring, key_id, pairing.session_id, generation)
    return Invitation(
        code=format_code(derive_code(surroundings.key_ring, key_id, pairing.session_id, generation)),
        expires_at=expires_at,
        join_url=f"{surroundings.public_origin}/t/{pairing.table_token}#join={pairing.session_id}.{secret}",
    )
