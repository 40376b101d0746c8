"""A participant's own place: renew its credential, leave, end the session for all."""

from __future__ import annotations

from uuid import UUID, uuid4

from session_api.sessions import queries
from session_api.sessions.domain import events as e
from session_api.sessions.domain.commands import EndSession, Leave, RenewCredential
from session_api.sessions.errors import not_a_participant, session_not_found
from session_api.sessions.handlers import SessionDeps
from session_api.sessions.handlers.admit import claims_of
from session_api.sessions.handlers.create_session import issue
from session_api.sessions.log import Request
from session_api.sessions.queries import Head
from session_api.sessions.schemas import ParticipantBody, SessionBody
from twotop_common.credentials import ParticipantClaims
from twotop_common.hashed_codes import candidate_hashes
from twotop_common.service_defaults.idempotency import body_fingerprint


async def close_session(deps: SessionDeps, session_id: UUID, credential: str | None, key: str | None) -> SessionBody:
    """End the session for everybody. Raises as ``claims_of`` does, or Refusal."""
    claims = await claims_of(deps, session_id, credential)
    await deps.log.execute(
        Request(
            session_id=session_id,
            key=f"close:{key or uuid4()}",
            body_hash=body_fingerprint("close"),
            command=EndSession(),
            participant_id=claims.participant_id,
            generation=claims.generation,
        )
    )
    return await _present(deps, session_id)


async def leave_session(
    deps: SessionDeps, session_id: UUID, participant_id: UUID, credential: str | None, key: str | None
) -> SessionBody:
    """Give up one's own place. Raises ``not_a_participant`` for another's, Refusal for device A (it ends instead)."""
    claims = await claims_of(deps, session_id, credential)
    if claims.participant_id != participant_id:
        raise not_a_participant()
    await deps.log.execute(
        Request(
            session_id=session_id,
            key=f"leave:{key or uuid4()}",
            body_hash=body_fingerprint("leave"),
            command=Leave(),
            participant_id=participant_id,
            generation=claims.generation,
        )
    )
    return await _present(deps, session_id)


async def renew_credential(
    deps: SessionDeps, session_id: UUID, credential: str | None, key: str | None
) -> ParticipantBody:
    """A new credential; the old one is revoked. The same key with the old credential gives the same one again."""
    claims = await claims_of(deps, session_id, credential)
    outcome = await deps.log.execute(
        Request(
            session_id=session_id,
            key=await _renewal_key(deps, claims, key),
            body_hash=body_fingerprint("renew"),
            command=RenewCredential(),
            participant_id=claims.participant_id,
            generation=claims.generation,
        )
    )
    recorded = outcome.events[0]
    if not isinstance(recorded.event, e.CredentialRenewed):
        raise TypeError(recorded.type)
    return issue(deps, outcome.state, claims.participant_id, recorded.event.generation, recorded.at)


async def _renewal_key(deps: SessionDeps, claims: ParticipantClaims, key: str | None) -> str:
    """The client's key as it is stored: hashed, under an older key of the ring when it was first used with that."""
    if key is None:
        return f"renew:{uuid4()}"
    current, *older = (f"renew:{kept}" for kept in candidate_hashes(deps.key_ring, "idempotency:renew", key))
    if not older:
        return current
    async with deps.pool.acquire() as connection:
        used = await queries.find_command_key(connection, claims.session_id, str(claims.participant_id), older)
    return used or current


async def _present(deps: SessionDeps, session_id: UUID) -> SessionBody:
    async with deps.pool.acquire() as connection:
        head: Head | None = await queries.find_head(connection, session_id)
    if head is None:
        raise session_not_found()
    return SessionBody.of(head)
