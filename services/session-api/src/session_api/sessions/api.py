"""HTTP of the session area: translation only. ``app.state.sessions`` is a SessionsApi, set by bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from session_api.sessions import queries
from session_api.sessions.domain.decider import Refusal
from session_api.sessions.domain.state import STATE_CODE_VERSION
from session_api.sessions.domain.views import VIEW_VERSION, view_event_for, view_state
from session_api.sessions.errors import StoreUnavailable, refused, table_mismatch
from session_api.sessions.handlers import SessionDeps
from session_api.sessions.handlers.admit import admit, claims_of
from session_api.sessions.handlers.change_place import close_session, leave_session, renew_credential
from session_api.sessions.handlers.create_session import create_session
from session_api.sessions.handlers.run_command import run_command
from session_api.sessions.log import Outcome
from session_api.sessions.queries import Head
from session_api.sessions.schemas import (
    AppendedBody,
    AppendEvent,
    CreateSession,
    EventsBody,
    HeadsBody,
    HeadsQuery,
    MissedBody,
    ParticipantBody,
    SessionBody,
    SessionCreatedBody,
    SnapshotBody,
    StandingBody,
)
from twotop_common.service_defaults.app import ERROR_RESPONSES
from twotop_common.service_defaults.idempotency import idempotency_key
from twotop_common.service_defaults.problems import Problem, unavailable
from twotop_common.service_defaults.rate_limits import ADDRESS, CREATE, PARTICIPANT, RateLimiter, client_of

MAX_WAIT_S = 25
PRIVATE = "private, no-cache"


@dataclass(frozen=True, slots=True)
class SessionsApi:
    """What the session paths need. ``refusing`` says that messages pile up faster than the broker takes them."""

    deps: SessionDeps
    limiter: RateLimiter
    refusing: Callable[[], bool]


async def sessions_api(request: Request) -> SessionsApi:
    """What bootstrap gave the application."""
    api: SessionsApi = request.app.state.sessions
    return api


async def bearer_credential(request: Request) -> str | None:
    """The credential in ``Authorization``, unverified."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" and credential else None


Api = Annotated[SessionsApi, Depends(sessions_api)]
Credential = Annotated[str | None, Depends(bearer_credential)]
Cursor = Annotated[int, Query(ge=0, le=2**31 - 1)]
Key = Annotated[str | None, Header(alias="Idempotency-Key", description="makes a repeat a repeat; random")]


def _problem(codes: str) -> dict[str, Any]:
    return {"description": codes, "content": ERROR_RESPONSES["default"]["content"]}


GONE = _problem("`session_closed`, `session_expired`")
READ_PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: _problem("`credential_invalid`, `credential_expired`"),
    403: _problem("`not_a_participant`"),
    404: _problem("`session_not_found`"),
    410: GONE,
    429: _problem("`rate_limited`"),
    503: _problem("`unavailable`"),
}

KEYED_PROBLEMS: dict[int | str, dict[str, Any]] = {
    409: _problem("`not_allowed`, `idempotency_mismatch`"),
    **READ_PROBLEMS,
}

router = APIRouter(tags=["sessions"])
internal_router = APIRouter()


@router.post(
    "/sessions",
    status_code=201,
    summary="Start a session at a table",
    responses={
        403: _problem("`location_closed`"),
        404: _problem("`table_not_found`"),
        409: _problem("`table_mismatch`, `idempotency_mismatch`, `idempotency_in_progress`"),
        422: _problem("`invalid_field`, `mode_unavailable`"),
        423: _problem("`table_disabled`"),
        429: _problem("`table_session_limit`, `rate_limited`"),
        503: _problem("`pairing_disabled`, `unavailable`"),
    },
)
async def post_session(
    body: CreateSession, api: Api, request: Request, response: Response, key: Key = None
) -> SessionCreatedBody:
    """Always a new session; an existing one is resumed by its id and credential or joined by its code."""
    key = idempotency_key(key, issues_credentials=True)
    client = client_of(request)
    await api.limiter.hit(ADDRESS, client)
    await api.limiter.hit(CREATE, client, body.table_token)
    _refuse_when_congested(api)
    response.headers["Cache-Control"] = "no-store"
    return await create_session(api.deps, body, key)


@router.get(
    "/sessions/{session_id}",
    summary="Resume: the session as it is",
    responses={409: _problem("`table_mismatch`"), **READ_PROBLEMS},
)
async def get_session(
    session_id: UUID,
    api: Api,
    request: Request,
    credential: Credential,
    response: Response,
    *,
    table_token: Annotated[str | None, Query(max_length=64, description="the table that was scanned")] = None,
) -> SessionBody:
    """With ``table_token``, 409 ``table_mismatch`` when the session sits at another table."""
    await _limit(api, request, session_id, credential)
    _, head = await _admitted(api, session_id, credential)
    if table_token is not None and not await queries.is_token_of(api.deps.pool, table_token, head.state.table_id):
        raise table_mismatch()
    response.headers["Cache-Control"] = PRIVATE
    return SessionBody.of(head)


@router.get(
    "/sessions/{session_id}/snapshot",
    summary="The fold of the log",
    response_model=SnapshotBody,
    responses={304: {"description": "nothing new"}, **READ_PROBLEMS},
)
async def get_snapshot(session_id: UUID, api: Api, credential: Credential, request: Request) -> Response:
    """Equals the replay of the log up to ``last_seq``."""
    await _limit(api, request, session_id, credential)
    claims, head = await _admitted(api, session_id, credential)
    state = head.state
    version = f"{STATE_CODE_VERSION}-{VIEW_VERSION}"
    etag = f'"{api.deps.epoch()}.{version}.{state.last_seq}.{claims.participant_id.hex[:12]}"'
    headers = {"ETag": etag, "Cache-Control": PRIVATE}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if known & {etag, "*"}:
        return Response(status_code=304, headers=headers)
    body = SnapshotBody(session_id=session_id, last_seq=state.last_seq, state=view_state(state, claims.participant_id))
    return Response(body.model_dump_json(), media_type="application/json", headers=headers)


@router.get(
    "/sessions/{session_id}/events", summary="Events after a cursor", response_model=EventsBody, responses=READ_PROBLEMS
)
async def get_events(
    session_id: UUID,
    api: Api,
    request: Request,
    credential: Credential,
    *,
    cursor: Cursor = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT_S, description="seconds to wait when there is nothing new")] = 0,
) -> Response:
    """In order, without gaps. With nothing new the cursor comes back unchanged."""
    await _limit(api, request, session_id, credential)
    _, body = await _events(api, session_id, credential, cursor=cursor, limit=limit, wait_s=wait)
    return _private(body)


@router.post(
    "/sessions/{session_id}/events",
    status_code=201,
    summary="Send a command",
    response_model=AppendedBody,
    responses={
        200: {"description": "a repeat: the first result again", "model": AppendedBody},
        409: _problem("`seq_conflict`, `not_allowed`, `idempotency_mismatch`"),
        422: _problem("`unknown_command`, `invalid_field`"),
        **READ_PROBLEMS,
    },
)
async def post_event(
    session_id: UUID, body: AppendEvent, api: Api, request: Request, credential: Credential
) -> Response:
    """The same key and command give the first result again."""
    await _limit(api, request, session_id, credential)
    _refuse_when_congested(api)
    claims = await claims_of(api.deps, session_id, credential)
    try:
        outcome = await run_command(
            api.deps,
            session_id=session_id,
            participant_id=claims.participant_id,
            generation=claims.generation,
            key=body.idempotency_key,
            name=body.type,
            data=body.data,
            expected_seq=body.expected_seq,
        )
    except (Refusal, StoreUnavailable) as error:
        _raise_problem(error)
    return Response(
        _appended(session_id, claims.participant_id, outcome).model_dump_json(),
        status_code=200 if outcome.replayed else 201,
        media_type="application/json",
    )


@router.post("/sessions/{session_id}/close", summary="End the session for everybody", responses=KEYED_PROBLEMS)
async def post_close(
    session_id: UUID, api: Api, request: Request, credential: Credential, key: Key = None
) -> SessionBody:
    """Guests end their own session; the record stays readable for a day."""
    await _limit(api, request, session_id, credential)
    try:
        return await close_session(api.deps, session_id, credential, idempotency_key(key, issues_credentials=False))
    except (Refusal, StoreUnavailable) as error:
        _raise_problem(error)


@router.delete("/sessions/{session_id}/members/{participant_id}", summary="Leave the session", responses=KEYED_PROBLEMS)
async def delete_member(
    session_id: UUID, participant_id: UUID, api: Api, request: Request, credential: Credential, *, key: Key = None
) -> SessionBody:
    """A participant gives up its own place; device A ends the session instead."""
    await _limit(api, request, session_id, credential)
    try:
        return await leave_session(
            api.deps, session_id, participant_id, credential, idempotency_key(key, issues_credentials=False)
        )
    except (Refusal, StoreUnavailable) as error:
        _raise_problem(error)


@router.post(
    "/sessions/{session_id}/credential", summary="Renew the credential; the old one is revoked", responses=READ_PROBLEMS
)
async def post_credential(
    session_id: UUID, api: Api, request: Request, credential: Credential, response: Response, *, key: Key = None
) -> ParticipantBody:
    """The same key, still with the old credential, gives the same new one again."""
    await _limit(api, request, session_id, credential)
    response.headers["Cache-Control"] = "no-store"
    try:
        return await renew_credential(api.deps, session_id, credential, idempotency_key(key, issues_credentials=True))
    except (Refusal, StoreUnavailable) as error:
        _raise_problem(error)


@internal_router.get("/internal/sessions/{session_id}/events")
async def get_internal_events(
    session_id: UUID,
    api: Api,
    credential: Credential,
    cursor: Cursor = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 500,
) -> Response:
    """For gateways: what a phone missed, with the phone's own credential."""
    head, body = await _events(api, session_id, credential, cursor=cursor, limit=limit, wait_s=0)
    settled_at = None if head.state.awaited else head.state.last_seq
    return _private(MissedBody(**dict(body), settled_at=settled_at))


@internal_router.get("/internal/sessions/{session_id}/participant")
async def get_internal_participant(session_id: UUID, api: Api, credential: Credential) -> StandingBody:
    """For gateways: whether the owner admits this credential."""
    claims, head = await _admitted(api, session_id, credential)
    if head.state.ended_at is not None:
        raise refused(Refusal("session_closed" if head.state.state == "closed" else "session_expired"))
    return StandingBody(
        participant_id=claims.participant_id,
        role=claims.role,
        generation=claims.generation,
        last_seq=head.state.last_seq,
        epoch=api.deps.epoch(),
    )


@internal_router.post("/internal/heads")
async def post_internal_heads(body: HeadsQuery, api: Api) -> HeadsBody:
    """For gateways: the last numbers of the sessions they show."""
    async with api.deps.pool.acquire() as connection:
        heads = await queries.last_seqs(connection, body.session_ids)
    return HeadsBody(epoch=api.deps.epoch(), heads=heads)


async def _limit(api: SessionsApi, request: Request, session_id: UUID, credential: str | None) -> None:
    try:
        claims = await claims_of(api.deps, session_id, credential)
    except Problem:
        await api.limiter.hit(ADDRESS, client_of(request))
        raise
    await api.limiter.hit(PARTICIPANT, claims.participant_id)
    api.deps.sightings.polled(session_id, claims.participant_id, claims.role)


async def _admitted(api: SessionsApi, session_id: UUID, credential: str | None) -> Any:
    try:
        return await admit(api.deps, session_id, credential)
    except (Refusal, StoreUnavailable) as error:
        _raise_problem(error)


async def _events(
    api: SessionsApi, session_id: UUID, credential: str | None, *, cursor: int, limit: int, wait_s: float
) -> tuple[Head, EventsBody]:
    """The events, and the head as it was before they were read."""
    claims, head = await _admitted(api, session_id, credential)
    wait_s = 0 if head.state.ended_at is not None else wait_s
    events = await api.deps.log.events_after(session_id, cursor, limit, wait_s)
    if wait_s and events:
        # Whoever left while waiting sees nothing of what came after.
        await _admitted(api, session_id, credential)
    body = EventsBody(
        events=[view_event_for(recorded, claims.participant_id) for recorded in events],
        next_cursor=events[-1].seq if events else cursor,
        epoch=api.deps.epoch(),
    )
    return head, body


def _private(body: EventsBody) -> Response:
    return Response(body.model_dump_json(), media_type="application/json", headers={"Cache-Control": PRIVATE})


def _appended(session_id: UUID, participant_id: UUID, outcome: Outcome) -> AppendedBody:
    first = outcome.events[0].seq if outcome.events else None
    return AppendedBody(
        events=[view_event_for(recorded, participant_id) for recorded in outcome.events],
        event_id=None if first is None else f"{session_id}:{first}",
        event_seq=first,
        last_seq=outcome.last_seq,
        replayed=outcome.replayed,
    )


def _refuse_when_congested(api: SessionsApi) -> None:
    if api.refusing():
        raise unavailable("Too much is waiting to be passed on.", retry_after_s=2)


def _raise_problem(error: Refusal | StoreUnavailable) -> NoReturn:
    raise to_problem(error) from None


def to_problem(error: Refusal | StoreUnavailable) -> Problem:
    """The problem that a refusal of the rules, or an unreachable log, is on the wire."""
    return refused(error) if isinstance(error, Refusal) else unavailable("The log cannot be reached.")
