"""Who is asking: from a credential to a place on the roster."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

from session_api.sessions import queries
from session_api.sessions.domain.decider import Refusal
from session_api.sessions.domain.lifecycle import ENDED
from session_api.sessions.domain.roster import AheadOfRoster, standing
from session_api.sessions.errors import credential_expired, credential_invalid, not_a_participant, session_not_found
from session_api.sessions.handlers import SessionDeps
from session_api.sessions.log import ROSTER_LOOK_S, ROSTER_WAIT_S, wait_for
from session_api.sessions.queries import Head
from twotop_common.credentials import CredentialExpired, CredentialInvalid, ParticipantClaims

READABLE_AFTER_END = timedelta(hours=24)


async def claims_of(deps: SessionDeps, session_id: UUID, credential: str | None) -> ParticipantClaims:
    """The verified claims for this session.

    Raises Problem: ``credential_invalid``, ``credential_expired``, ``session_not_found``, ``not_a_participant``.
    """
    if credential is None:
        raise credential_invalid()
    try:
        claims = deps.verifier.verify(credential, deps.now())
    except CredentialInvalid:
        raise credential_invalid() from None
    except CredentialExpired:
        raise credential_expired() from None
    if claims.session_id != session_id:
        async with deps.pool.acquire() as connection:
            exists = await queries.last_seqs(connection, [session_id])
        raise not_a_participant() if exists else session_not_found()
    return claims


async def admit(deps: SessionDeps, session_id: UUID, credential: str | None) -> tuple[ParticipantClaims, Head]:
    """The claims and the present head, for reading. A credential ahead of the roster is waited for (1 s).

    After the end a session stays readable to its participants for 24 hours, then it is not found.
    Raises Problem as ``claims_of`` does, ``session_not_found``, or Refusal.
    """
    claims = await claims_of(deps, session_id, credential)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + ROSTER_WAIT_S
    while True:
        changed = deps.log.changes.watch(session_id)
        head = await deps.log.head(session_id)
        ended_at = head.state.ended_at
        if head.state.state in ENDED and ended_at is not None and deps.now() >= ended_at + READABLE_AFTER_END:
            raise session_not_found()
        try:
            standing(head.state, claims.participant_id, claims.generation)
        except AheadOfRoster:
            if loop.time() >= deadline:
                raise Refusal("not_a_participant") from None
            await wait_for(changed, ROSTER_LOOK_S)
        else:
            return claims, head
