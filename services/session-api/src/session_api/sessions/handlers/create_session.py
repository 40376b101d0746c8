"""A new session for a new scan (S1). One transaction: cap, head, first event, messages, the key's answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from prometheus_client import Counter

from session_api.analytics.domain import analytics_of
from session_api.analytics.metrics import count_milestones
from session_api.analytics.queries import insert_records
from session_api.play.domain.state import PlayState
from session_api.sessions import queries, store
from session_api.sessions.domain import events as e
from session_api.sessions.domain.decider import evolve
from session_api.sessions.domain.state import SessionState
from session_api.sessions.errors import (
    mode_unavailable,
    pairing_disabled,
    session_not_found,
    table_mismatch,
    table_session_limit,
)
from session_api.sessions.handlers import CREDENTIAL_KEY_KEPT, SessionDeps
from session_api.sessions.queries import Connection, Creation, Head
from session_api.sessions.schemas import CreateSession, PairingBody, ParticipantBody, SessionBody, SessionCreatedBody
from session_api.venues.domain import TableView, service_day_at
from session_api.venues.errors import table_not_found
from session_api.venues.handlers import refuse_unless_open
from session_api.venues.queries import find_table
from twotop_common.contracts.session_api import PairingOffer, SessionCreated, TablePlace
from twotop_common.credentials import ParticipantClaims
from twotop_common.hashed_codes import candidate_hashes, derive_code, derive_join_secret, format_code, hash_code
from twotop_common.messaging.outbox import OutboxRecord, enqueue_on, outbox_record
from twotop_common.service_defaults.feature_flags import DUAL_PAIRING_CODE_ENABLED
from twotop_common.service_defaults.idempotency import body_fingerprint, in_progress, mismatch
from twotop_common.service_defaults.problems import unavailable

LOCK_PATIENCE_S = 2.0
READABLE_AFTER_END_S = 86_400

REFUSED_AT_THE_CAP = Counter(
    "twotop_sessions_refused_at_cap_total", "sessions that did not begin because their table had as many as it may"
)


async def create_session(deps: SessionDeps, body: CreateSession, idempotency_key: str | None) -> SessionCreatedBody:
    """The new session, device A's place and, for a dual session, its code: the same again for the same key.

    Raises Problem: ``table_not_found``, ``table_mismatch``, ``location_closed``, ``table_disabled``,
    ``mode_unavailable``, ``pairing_disabled``, ``table_session_limit``, ``idempotency_mismatch``,
    ``idempotency_in_progress``, ``unavailable``.
    """
    now = deps.now()
    key_hashes: list[str] = []
    if idempotency_key is not None:
        key_hashes = candidate_hashes(deps.key_ring, "idempotency:create-session", idempotency_key)
    fingerprint = body_fingerprint(body.model_dump(mode="json"))
    earlier: Creation | None = None
    if key_hashes:
        async with deps.pool.acquire() as connection:
            earlier = await _find_earlier(connection, key_hashes, fingerprint, now)
        if earlier is not None:
            return await _answer_again(deps, body, earlier)
    view = await _table_for(deps, body, now)
    recorded, state = _begin(deps, body, view, now)
    key_id = deps.key_ring.current_id
    fact = _fact(deps, view, state, recorded.at)
    message = outbox_record(fact, subject=str(state.session_id), source="session-api")
    async with deps.pool.acquire() as connection, connection.transaction():
        await queries.limit_lock_waits(connection, LOCK_PATIENCE_S)
        if key_hashes:
            earlier = await _claim(connection, key_hashes, Creation(fingerprint, state.session_id, key_id), now)
        if earlier is None:
            await _write(connection, view=view, recorded=recorded, state=state, message=message, now=now)
    if earlier is not None:
        return await _answer_again(deps, body, earlier)
    count_milestones(analytics_of(PlayState(), [recorded], state))
    deps.log.tell(state, [recorded])
    return _answer(deps, body.table_token, Head(state, now), recorded, key_id)


async def _table_for(deps: SessionDeps, body: CreateSession, now: datetime) -> TableView:
    async with deps.engine.connect() as connection:
        view = await find_table(connection, body.table_token)
    if view is None:
        raise table_not_found()
    if body.location_id is not None and body.location_id not in (str(view.location_id), view.location_slug):
        raise table_mismatch()
    refuse_unless_open(view, now)
    if body.mode == "group":
        raise mode_unavailable()
    if body.mode == "dual" and not deps.flags.enabled(DUAL_PAIRING_CODE_ENABLED):
        raise pairing_disabled()
    return view


def _begin(deps: SessionDeps, body: CreateSession, view: TableView, now: datetime) -> tuple[e.Recorded, SessionState]:
    participant_id = uuid4()
    expires_at = now + timedelta(seconds=view.lifetimes.code_s) if body.mode == "dual" else None
    created = e.SessionCreated(
        session_id=uuid4(),
        location_id=view.location_id,
        table_id=view.table_id,
        table_number=view.table_number,
        mode=body.mode,
        context=body.context,
        language=body.language or view.language,
        participant_id=participant_id,
        role="A",
        nickname=body.nickname,
        service_day=service_day_at(view, now),
        lifetimes=view.lifetimes,
        pairing_expires_at=expires_at,
    )
    recorded = e.Recorded(1, created, now, str(participant_id), None)
    return recorded, evolve(None, recorded)


def _fact(deps: SessionDeps, view: TableView, state: SessionState, at: datetime) -> SessionCreated:
    offer = None
    if state.pairing is not None:
        code = derive_code(deps.key_ring, deps.key_ring.current_id, state.session_id, 1)
        offer = PairingOffer(
            generation=1,
            code_hash=hash_code(deps.key_ring, f"pairing-code:{state.table_id}", code),
            expires_at=state.pairing.expires_at,
        )
    first = state.members[0]
    return SessionCreated(
        session_id=state.session_id,
        seq=1,
        mode=state.mode,
        place=TablePlace(
            location_id=view.location_id,
            location_slug=view.location_slug,
            table_id=view.table_id,
            table_token=view.token,
            timezone=view.timezone,
            day_starts_at_hour=view.day_starts_at_hour,
        ),
        participant_id=first.participant_id,
        role=first.role,
        generation=first.generation,
        pairing=offer,
        due_at=state.due(at).at,
        credential_expires_at=_credential_end(state),
        code_life_s=state.lifetimes.code_s,
    )


async def _write(
    connection: Any, *, view: TableView, recorded: e.Recorded, state: SessionState, message: OutboxRecord, now: datetime
) -> None:
    try:
        await queries.lock_table(connection, view.table_id)
    except asyncpg.LockNotAvailableError:
        raise unavailable("Too many start at this table at once.") from None
    if await queries.live_sessions_at(connection, view.table_id, now) >= view.table_session_cap:
        REFUSED_AT_THE_CAP.inc()
        raise table_session_limit()
    await store.create(connection, [recorded], state)
    await enqueue_on(connection, [message])
    await insert_records(connection, analytics_of(PlayState(), [recorded], state))


async def _claim(
    connection: Connection, key_hashes: Sequence[str], creation: Creation, now: datetime
) -> Creation | None:
    """None when the key is this request's now, else what it was used for."""
    try:
        if await queries.claim_creation(
            connection, key_hashes[0], creation, now=now, expires_at=now + CREDENTIAL_KEY_KEPT
        ):
            return None
    except asyncpg.LockNotAvailableError:
        raise in_progress() from None
    earlier = await _find_earlier(connection, key_hashes, creation.body_hash, now)
    if earlier is None:
        raise in_progress()
    return earlier


async def _find_earlier(
    connection: Connection, key_hashes: Sequence[str], fingerprint: bytes, now: datetime
) -> Creation | None:
    earlier = await queries.find_creation(connection, key_hashes, now)
    if earlier is not None and earlier.body_hash != fingerprint:
        raise mismatch()
    return earlier


async def _answer_again(deps: SessionDeps, body: CreateSession, earlier: Creation) -> SessionCreatedBody:
    async with deps.pool.acquire() as connection:
        head = await queries.find_head(connection, earlier.session_id)
        first = await queries.events_after(connection, earlier.session_id, 0, limit=1)
    if head is None:
        raise session_not_found()
    return _answer(deps, body.table_token, head, first[0], earlier.code_key_id)


def _answer(
    deps: SessionDeps, table_token: str, head: Head, first: e.Recorded, code_key_id: str | None
) -> SessionCreatedBody:
    created = first.event
    if not isinstance(created, e.SessionCreated):
        raise TypeError(first.type)
    pairing = None
    if created.pairing_expires_at is not None and code_key_id is not None:
        secret = derive_join_secret(deps.key_ring, code_key_id, created.session_id, 1)
        pairing = PairingBody(
            code=format_code(derive_code(deps.key_ring, code_key_id, created.session_id, 1)),
            expires_at=created.pairing_expires_at,
            join_url=f"{deps.public_origin}/t/{table_token}#join={created.session_id}.{secret}",
        )
    return SessionCreatedBody(
        session=SessionBody.of(head),
        participant=issue(deps, head.state, created.participant_id, 1, first.at),
        pairing=pairing,
    )


def issue(
    deps: SessionDeps, state: SessionState, participant_id: UUID, generation: int, issued_at: datetime
) -> ParticipantBody:
    """The credential of a place. Equal for equal arguments, so that a repeated request is answered the same."""
    member = state.participant(participant_id)
    role = "A" if member is None else member.role
    claims = ParticipantClaims(
        session_id=state.session_id,
        participant_id=participant_id,
        role=role,
        generation=generation,
        issued_at=issued_at.replace(microsecond=0),
        expires_at=_credential_end(state),
    )
    return ParticipantBody(
        participant_id=participant_id,
        role=role,
        credential=deps.signer.issue(claims),
        expires_at=claims.expires_at,
    )


def _credential_end(state: SessionState) -> datetime:
    """A credential reads the record as long as it can be kept: the whole life and the day after."""
    life = timedelta(seconds=state.lifetimes.absolute_s + READABLE_AFTER_END_S)
    return (state.created_at + life).replace(microsecond=0)
