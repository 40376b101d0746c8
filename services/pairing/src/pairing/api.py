"""HTTP translation only: limits, credentials, bodies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import Counter

from pairing import errors
from pairing.handlers.invite import go_on_alone, replace_code
from pairing.handlers.join_dual import join_dual
from pairing.handlers.surroundings import INVITATIONS, JOINS, Surroundings
from pairing.schemas import Invitation, JoinDual, Joined
from twotop_common.credentials import CredentialExpired, CredentialInvalid, ParticipantClaims
from twotop_common.service_defaults.app import ProblemDocument
from twotop_common.service_defaults.idempotency import idempotency_key
from twotop_common.service_defaults.problems import PROBLEM_MEDIA_TYPE, TYPE_BASE, Problem
from twotop_common.service_defaults.rate_limits import ADDRESS_JOIN, JOIN, PARTICIPANT, RateLimiter, client_of

IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="random, at least 22 characters; the answer is kept for 10 minutes"),
]
Credential = Annotated[
    HTTPAuthorizationCredentials | None,
    Depends(HTTPBearer(auto_error=False, description="the participant's credential")),
]


def make_router(surroundings: Surroundings, limiter: RateLimiter) -> APIRouter:
    """The routes of pairing."""
    router = APIRouter(tags=["pairing"])

    @router.post(
        "/sessions/join-dual",
        summary="Join a dual session as its second phone",
        operation_id="join_dual",
        responses=_problems(JOIN_PROBLEMS),
    )
    async def join(request: Request, response: Response, body: JoinDual, key: IdempotencyKey = None) -> Joined:
        """By the typed code or by the secret of the join link. Each works once."""
        with _counted(JOINS, "paired"):
            checked = idempotency_key(key, issues_credentials=True)
            client = client_of(request)
            await limiter.hit(ADDRESS_JOIN, client)
            await limiter.hit(JOIN, client, body.table_token)
            _keep_private(response)
            return await join_dual(surroundings, body, checked)

    @router.post(
        "/sessions/{session_id}/pairing-code",
        status_code=201,
        summary="A new pairing code for device A",
        operation_id="replace_pairing_code",
        responses=_problems(CODE_PROBLEMS),
    )
    async def replace(
        session_id: UUID, response: Response, credential: Credential = None, key: IdempotencyKey = None
    ) -> Invitation:
        """After expiry or withdrawal, instead of a waiting code, as an upgrade from one phone, or for an absent B."""
        with _counted(INVITATIONS, "replaced"):
            checked = idempotency_key(key, issues_credentials=True)
            claims = _claims(surroundings, credential)
            await limiter.hit(PARTICIPANT, claims.participant_id)
            _keep_private(response)
            return await replace_code(surroundings, claims, session_id, checked)

    @router.delete(
        "/sessions/{session_id}/pairing-code",
        status_code=204,
        summary="Stop waiting and go on alone",
        operation_id="cancel_pairing_code",
        responses=_problems(CANCEL_PROBLEMS),
    )
    async def cancel(session_id: UUID, credential: Credential = None) -> Response:
        """Changes nothing when A does not wait."""
        with _counted(INVITATIONS, "cancelled"):
            claims = _claims(surroundings, credential)
            await limiter.hit(PARTICIPANT, claims.participant_id)
            await go_on_alone(surroundings, claims, session_id)
        return Response(status_code=204)

    return router


def _claims(surroundings: Surroundings, credential: HTTPAuthorizationCredentials | None) -> ParticipantClaims:
    if credential is None:
        raise errors.credential_invalid()
    try:
        return surroundings.verifier.verify(credential.credentials.strip(), surroundings.now())
    except CredentialInvalid:
        raise errors.credential_invalid() from None
    except CredentialExpired:
        raise errors.credential_expired() from None


def _keep_private(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"


@contextmanager
def _counted(counter: Counter, success: str) -> Iterator[None]:
    try:
        yield
    except Problem as problem:
        counter.labels(problem.code).inc()
        raise
    except Exception:
        counter.labels("failed").inc()
        raise
    counter.labels(success).inc()


def _idempotency_problems() -> list[Problem]:
    return [
        Problem(409, "idempotency_mismatch", "This key was used with another body."),
        Problem(409, "idempotency_in_progress", "A request with this key is being answered."),
    ]


_INVALID_FIELD = Problem(422, "invalid_field", "The request has fields that cannot be accepted.")
_RATE_LIMITED = Problem(429, "rate_limited", "Too many requests.")
_MEMBERS = [
    errors.credential_invalid(),
    errors.credential_expired(),
    errors.not_a_participant(),
    errors.only_the_first_phone(),
    errors.already_paired(),
    errors.session_closed(),
    errors.session_expired(),
    _INVALID_FIELD,
    _RATE_LIMITED,
    errors.not_known_yet(),
]
JOIN_PROBLEMS = [
    Problem(400, "invalid_request", "The body is not JSON."),
    errors.code_invalid(),
    errors.already_paired(),
    *_idempotency_problems(),
    errors.code_expired(),
    errors.session_closed(),
    errors.session_expired(),
    Problem(413, "too_large", "The body is larger than 65536 bytes."),
    _INVALID_FIELD,
    errors.too_many_attempts(3_600),
    _RATE_LIMITED,
    errors.pairing_disabled(),
    errors.view_is_behind(),
]
CODE_PROBLEMS = [*_MEMBERS, errors.not_in_a_group(), *_idempotency_problems(), errors.pairing_disabled()]
CANCEL_PROBLEMS = list(_MEMBERS)


def _problems(problems: list[Problem]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses: one for each status, with an example for each code."""
    responses: dict[int | str, dict[str, Any]] = {}
    for problem in problems:
        response = responses.setdefault(
            problem.status,
            {
                "description": "",
                "content": {
                    PROBLEM_MEDIA_TYPE: {
                        "schema": {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"},
                        "examples": {},
                    }
                },
            },
        )
        response["description"] = ", ".join(filter(None, (response["description"], f"`{problem.code}`")))
        example = {**problem.document("4bf92f3577b34da6a3ce929d0e0e4736"), "type": TYPE_BASE + problem.code}
        response["content"][PROBLEM_MEDIA_TYPE]["examples"][problem.code] = {"value": example}
    return responses
