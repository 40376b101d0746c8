"""The application every HTTP service is: FastAPI behind the edge, with health, metrics and problem documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from twotop_common.service_defaults.edge import Edge, trace_id
from twotop_common.service_defaults.health import Health
from twotop_common.service_defaults.metrics import exposition
from twotop_common.service_defaults.problems import PROBLEM_MEDIA_TYPE, Problem
from twotop_common.service_defaults.settings import ServiceSettings

__all__ = ["FieldError", "ProblemDocument", "create_app", "problem_response", "trace_id"]

_CODES = {
    400: "invalid_request",
    401: "credential_invalid",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "too_large",
    415: "unsupported_media_type",
    426: "upgrade_required",
    503: "unavailable",
}


class FieldError(BaseModel):
    """One field that cannot be accepted."""

    field: str
    reason: str


class ProblemDocument(BaseModel):
    """An error, RFC 9457. ``code`` is stable; further members depend on it."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    trace_id: str
    errors: list[FieldError] | None = None


ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem document",
        "model": ProblemDocument,
        "content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
    }
}


def create_app(
    settings: ServiceSettings,
    *,
    title: str,
    health: Health,
    routers: Sequence[APIRouter] = (),
    internal_routers: Sequence[APIRouter] = (),
    version: str = "1",
    description: str = "",
) -> FastAPI:
    """A FastAPI application with ``routers`` under ``/api/v1`` (and ``/api``) and ``internal_routers`` as they are.

    Internal routes and health are not part of the OpenAPI document.
    """
    app = FastAPI(
        title=title,
        version=version,
        description=description,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for router in routers:
        app.include_router(router, prefix="/api/v1", responses=ERROR_RESPONSES)
    for router in internal_routers:
        app.include_router(router, include_in_schema=False)
    app.router.routes.extend(_operations(health))
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_middleware(Edge)
    app.state.settings = settings
    return app


def problem_response(problem: Problem) -> Response:
    """A problem as a Starlette response."""
    return Response(
        problem.body(trace_id()),
        status_code=problem.status,
        media_type=PROBLEM_MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **problem.headers},
    )


async def _on_invalid(_: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    if any(fault["type"] == "json_invalid" for fault in faults):
        return problem_response(Problem(400, "invalid_request", "The body is not JSON."))
    errors = [{"field": _field_of(fault["loc"]), "reason": str(fault["msg"])} for fault in faults]
    return problem_response(
        Problem(422, "invalid_field", "The request has fields that cannot be accepted.", extra={"errors": errors})
    )


async def _on_http_exception(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    code = _CODES.get(error.status_code, "invalid_request" if error.status_code < 500 else "internal")
    return problem_response(Problem(error.status_code, code, headers=error.headers))


def _field_of(location: Sequence[Any]) -> str:
    parts = [str(part) for part in location]
    return ".".join(parts[1:]) or (parts[0] if parts else "body")


def _operations(health: Health) -> list[Route]:
    async def live(_: Request) -> Response:
        return _json({"status": "ok"})

    async def ready(_: Request) -> Response:
        ready = await health.ready()
        return _json({"status": "ok" if ready else "unavailable"}, 200 if ready else 503)

    async def detailed(_: Request) -> Response:
        report = await health.detailed()
        return _json(report, 503 if report["status"] == "unavailable" else 200)

    async def metrics(_: Request) -> Response:
        # Health has metrics of its own, which nobody would renew where no orchestrator asks for it.
        await health.detailed()
        body, media_type = exposition()
        return Response(body, media_type=media_type)

    return [
        Route("/health", ready, methods=["GET"], include_in_schema=False),
        Route("/health/live", live, methods=["GET"], include_in_schema=False),
        Route("/health/ready", ready, methods=["GET"], include_in_schema=False),
        Route("/health/detailed", detailed, methods=["GET"], include_in_schema=False),
        Route("/metrics", metrics, methods=["GET"], include_in_schema=False),
    ]


def _json(content: Any, status: int = 200) -> Response:
    return Response(
        orjson.dumps(content), status_code=status, media_type="application/json", headers={"Cache-Control": "no-store"}
    )
