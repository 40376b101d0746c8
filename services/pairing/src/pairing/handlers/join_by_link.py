"""Joining by the link: ``{session_id}.{secret}`` with a secret of 128 bits.

Nothing is counted here: nobody guesses 128 bits, and counting would let a stranger switch a table's codes off. The
secret is derived again from session and generation and compared in constant time; nothing of it is stored.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from pairing.domain import Offer, Pairing, Tombstone, Verdict, judge
from pairing.errors import VERDICTS, code_invalid, view_is_behind
from pairing.handlers.redeem import answer_again, joined, leaving_of, redeem
from pairing.handlers.surroundings import LOOK_AGAIN_EVERY_S, Surroundings, claim
from pairing.queries import pairings, places
from pairing.queries.answers import RequestKey
from pairing.schemas import JoinDual, Joined
from twotop_common.hashed_codes import KeyRing, UnknownKey, derive_join_secret, key_id_of


async def join_by_link(
    surroundings: Surroundings, request: JoinDual, join_secret: str, key: RequestKey | None
) -> Joined:
    """See ``join_dual``. What is unknown, of another table or simply wrong gives one and the same answer."""
    session_id, secret = _read(join_secret)
    began = time.monotonic()
    while True:
        async with surroundings.turnstile.one_at_a_time(session_id):
            answer = await _look(surroundings, request, session_id, secret, key)
        if answer is not None:
            return answer
        if not surroundings.may_still_arrive(began):
            raise code_invalid() if surroundings.fresh() else view_is_behind()
        await asyncio.sleep(LOOK_AGAIN_EVERY_S)


async def _look(
    surroundings: Surroundings, request: JoinDual, session_id: UUID, secret: str, key: RequestKey | None
) -> Joined | None:
    async with surroundings.sessions() as session:
        now = surroundings.now()
        earlier = await claim(session, key, now)
        if earlier is not None:
            return await answer_again(surroundings, session, earlier)
        leaving = leaving_of(surroundings, request)
        if leaving is not None:
            await places.hold_place(session, leaving.table_token)
            # The clock is read again: this join may have waited for the table.
            now = surroundings.now()
        verdict, offer = Verdict.UNKNOWN, None
        # A match that came too late is judged once more, to say what was faster.
        for _ in range(2):
            offers = await _offers_with(surroundings.key_ring, session, request, session_id, secret)
            verdict, offer = judge(offers, now)
            if offer is None:
                break
            redemption = await redeem(session, offer, key, now, leaving=leaving)
            if redemption is not None:
                await session.commit()
                return joined(surroundings, redemption)
    if verdict in VERDICTS:
        raise VERDICTS[verdict]()
    return None


async def _offers_with(
    ring: KeyRing, session: AsyncSession, request: JoinDual, session_id: UUID, secret: str
) -> Sequence[Offer]:
    pairing = await pairings.find_pairing(session, session_id)
    if pairing is None or isinstance(pairing, Tombstone) or not await _fits(session, request, pairing):
        return ()
    known = await pairings.former_codes_of(session, session_id)
    present = pairing.offer()
    if present is not None and pairing.code_hash is not None:
        known.append((present, pairing.code_hash))
    return [offer for offer, code_hash in known if _is_secret_of(ring, offer, code_hash, secret)]


async def _fits(session: AsyncSession, request: JoinDual, pairing: Pairing) -> bool:
    if pairing.table_token != request.table_token:
        return False
    place = await places.find_place(session, pairing.table_token) if request.locations() else None
    return all(place is not None and place.fits(location) for location in request.locations())


def _is_secret_of(ring: KeyRing, offer: Offer, code_hash: str, secret: str) -> bool:
    try:
        expected = derive_join_secret(ring, key_id_of(code_hash), offer.session_id, offer.generation)
    except UnknownKey:
        return False
    return hmac.compare_digest(expected.encode(), secret.encode())


def _read(join_secret: str) -> tuple[UUID, str]:
    session_id, _, secret = join_secret.strip().partition(".")
    try:
        return UUID(session_id), secret
    except ValueError:
        raise code_invalid() from None
