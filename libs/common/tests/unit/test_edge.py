"""The edge of an HTTP service, without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar

import httpx
import orjson
import pytest
import pytest_asyncio
from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from twotop_common.contracts.registry import Service
from twotop_common.service_defaults.app import create_app, trace_id
from twotop_common.service_defaults.edge import MAX_BODY_BYTES, Edge
from twotop_common.service_defaults.health import Health, HealthCheck, NotHealthy
from twotop_common.service_defaults.problems import Problem, rate_limited
from twotop_common.service_defaults.settings import ServiceSettings
from twotop_common.service_defaults.telemetry import correlation_id

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Settings(ServiceSettings):
    service: ClassVar[Service] = "pairing"


class Body(BaseModel):
    name: str
    count: int = 0


router = APIRouter()
internal = APIRouter(prefix="/internal")


@router.post("/things/{thing_id}")
async def make_thing(thing_id: str, body: Body) -> dict[str, Any]:
    return {"thing": thing_id, "name": body.name, "count": body.count, "trace": trace_id()}


@router.get("/things")
async def list_things(limit: int = 10) -> dict[str, Any]:
    return {"limit": limit}


@router.get("/fails/{how}")
async def fail(how: str) -> None:
    if how == "problem":
        raise Problem(409, "not_allowed", "The rules refuse it.", extra={"reason": "closed", "status": 1})
    if how == "limited":
        raise rate_limited(17)
    if how == "database":
        raise ConnectionRefusedError("10.0.0.7:5432 secret")
    raise RuntimeError("secret")


@router.get("/stream")
async def stream() -> StreamingResponse:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        raise RuntimeError("midway")

    return StreamingResponse(chunks())


@router.post("/raw")
async def raw(request: Request) -> dict[str, int]:
    return {"length": len(await request.body())}


@internal.get("/secret")
async def secret() -> dict[str, bool]:
    return {"internal": True}


class Dependency:
    """A dependency that a test can break."""

    def __init__(self) -> None:
        self.failure: Exception | None = None

    async def check(self) -> None:
        if self.failure:
            raise self.failure


@pytest.fixture
def dependency() -> Dependency:
    return Dependency()


@pytest.fixture
def optional() -> Dependency:
    return Dependency()


@pytest.fixture
def health(dependency: Dependency, optional: Dependency) -> Health:
    return Health(
        "pairing",
        [
            HealthCheck("database", dependency.check, critical=True),
            HealthCheck("broker", optional.check, critical=False),
        ],
    )


@pytest_asyncio.fixture
async def client(health: Health) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(), title="Test", health=health, routers=[router], internal_routers=[internal])
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as made:
        yield made


def check_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"https://twotop.dev/problems/{code}"
    assert document["status"] == status
    assert document["code"] == code
    assert document["title"]
    assert document["detail"]
    assert len(document["trace_id"]) == 32
    return document


@pytest.mark.parametrize("prefix", ["/api/v1", "/api"])
async def test_both_prefixes_answer(client: httpx.AsyncClient, prefix: str) -> None:
    answer = await client.post(f"{prefix}/things/7", json={"name": "x", "more": True})
    assert answer.status_code == 200
    assert answer.json()["thing"] == "7"
    assert (await client.get("/internal/secret")).json() == {"internal": True}


async def test_a_callers_trace_id_is_kept_and_a_broken_one_replaced(client: httpx.AsyncClient) -> None:
    headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    assert (await client.post("/api/things/7", json={"name": "x"}, headers=headers)).json()["trace"] == TRACE
    for broken in ("nonsense", f"00-{'0' * 32}-b7ad6b7169203331-01"):
        answer = await client.post("/api/things/7", json={"name": "x"}, headers={"traceparent": broken})
        assert len(answer.json()["trace"]) == 32
        assert set(answer.json()["trace"]) != {"0"}
    document = check_problem(await client.get("/api/fails/problem", headers=headers), 409, "not_allowed")
    assert document["trace_id"] == TRACE
    assert document["reason"] == "closed"
    assert document["status"] == 409


async def test_unknown_paths_and_methods_are_problems(client: httpx.AsyncClient) -> None:
    check_problem(await client.get("/api/nothing"), 404, "not_found")
    check_problem(await client.get("/"), 404, "not_found")
    check_problem(await client.get("/api/v1/things/"), 404, "not_found")
    answer = await client.delete("/api/things")
    check_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"


async def test_invalid_fields_are_named(client: httpx.AsyncClient) -> None:
    document = check_problem(await client.post("/api/things/7", json={"count": "many"}), 422, "invalid_field")
    assert {error["field"] for error in document["errors"]} == {"name", "count"}
    document = check_problem(await client.get("/api/things?limit=x"), 422, "invalid_field")
    assert [error["field"] for error in document["errors"]] == ["limit"]
    document = check_problem(await client.post("/api/things/7"), 422, "invalid_field")
    assert [error["field"] for error in document["errors"]] == ["body"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"name": "x", "count": NaN}',
        b'{"name": "x", "count": 1e999}',
        b'{"name": "x", "count": -Infinity}',
        b'{"name": "\\ud800"}',
        b"\xff\xfe",
        '{"name": "x"}'.encode("utf-16"),
        b'{"name": "a\x00b"}',
        b"[" * 60_000,
    ],
)
async def test_what_is_no_json_is_refused_as_unreadable(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/api/things/7", content=body, headers={"content-type": "application/json"})
    check_problem(answer, 400, "invalid_request")


@pytest.mark.parametrize("body", [b'{"name": "a\\u0000b"}', b'{"\\u0000": 1}', b'{"name": "\\\\\\u0000"}'])
async def test_u_0000_is_refused_at_the_edge(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/api/things/7", content=body, headers={"content-type": "application/json"})
    check_problem(answer, 422, "invalid_field")


async def test_an_escaped_backslash_before_u0000_is_only_text(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/api/things/7", content=b'{"name": "\\\\u0000"}', headers={"content-type": "application/json"}
    )
    assert answer.json()["name"] == "\\u0000"


async def test_u_0000_in_path_and_query_is_refused(client: httpx.AsyncClient) -> None:
    check_problem(await client.post("/api/things/a%00b", json={"name": "x"}), 422, "invalid_field")
    check_problem(await client.get("/api/things?limit=%00"), 422, "invalid_field")


async def test_a_large_body_is_refused_with_and_without_its_length(client: httpx.AsyncClient) -> None:
    fits = orjson.dumps({"name": "x" * (MAX_BODY_BYTES - 11)})
    assert len(fits) == MAX_BODY_BYTES
    headers = {"content-type": "application/json"}
    assert (await client.post("/api/things/7", content=fits, headers=headers)).status_code == 200
    check_problem(await client.post("/api/things/7", content=fits + b" ", headers=headers), 413, "too_large")

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b" " * 1_000

    answer = await client.post("/api/things/7", content=chunks(), headers=headers)
    check_problem(answer, 413, "too_large")
    assert answer.headers["connection"] == "close"


async def test_a_body_in_pieces_is_put_together(client: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"name": '
        yield b'"x"}'

    answer = await client.post("/api/things/7", content=chunks(), headers={"content-type": "application/json"})
    assert answer.json()["name"] == "x"


async def test_bodies_that_do_not_claim_to_be_json_are_left_alone(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/api/raw", content=b"a=1", headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert answer.json() == {"length": 3}


async def test_absent_dependencies_are_unavailable_and_say_when_to_try_again(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/fails/database")
    check_problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    assert "10.0.0.7" not in answer.text


async def test_unknown_failures_tell_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/fails/bug")
    check_problem(answer, 500, "internal")
    assert "secret" not in answer.text


async def test_rate_limits_say_when_to_try_again(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/fails/limited")
    check_problem(answer, 429, "rate_limited")
    assert answer.headers["retry-after"] == "17"


async def test_a_failure_after_the_head_went_out_breaks_the_connection_off(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/stream")
    assert answer.status_code == 200
    assert answer.content in (b"one", b"")


async def test_ready_depends_on_what_is_critical_only(
    client: httpx.AsyncClient, dependency: Dependency, optional: Dependency, health: Health
) -> None:
    optional.failure = NotHealthy("not connected")
    assert (await client.get("/health/ready")).status_code == 200
    report = (await client.get("/health/detailed")).json()
    assert report["status"] == "degraded"
    assert report["dependencies"]["broker"]["error"] == "not connected"
    assert report["dependencies"]["database"]["status"] == "ok"
    assert report["dependencies"]["database"]["latency_ms"] >= 0
    health._last = None
    dependency.failure = RuntimeError("postgresql://user:password@host")
    for path in ("/health", "/health/ready", "/health/detailed"):
        assert (await client.get(path)).status_code == 503
    report = (await client.get("/health/detailed")).json()
    assert report["status"] == "unavailable"
    assert report["dependencies"]["database"]["error"] == "RuntimeError"
    assert (await client.get("/health/live")).status_code == 200


async def test_a_stopping_service_is_not_ready_but_alive(client: httpx.AsyncClient, health: Health) -> None:
    health.stopping = True
    assert (await client.get("/health/ready")).status_code == 503
    assert (await client.get("/health/live")).status_code == 200


async def test_readiness_is_measured_anew_with_every_scrape(client: httpx.AsyncClient, health: Health) -> None:
    assert "twotop_ready 1.0" in (await client.get("/metrics")).text
    health.stopping = True
    assert "twotop_ready 0.0" in (await client.get("/metrics")).text


async def test_latency_is_measured_by_route_and_never_by_path(client: httpx.AsyncClient) -> None:
    await client.post("/api/things/very-private", json={"name": "x"})
    await client.get("/api/also-private")
    exposed = (await client.get("/metrics")).text
    assert 'twotop_http_request_seconds_count{method="POST",route="/api/v1/things/{thing_id}",status="200"}' in exposed
    assert 'route="unmatched"' in exposed
    assert "private" not in exposed


async def test_the_openapi_document_has_versioned_paths_and_problem_documents(health: Health) -> None:
    app = create_app(Settings(), title="Test", health=health, routers=[router], internal_routers=[internal])
    document = app.openapi()
    assert set(document["paths"]) == {
        "/api/v1/things/{thing_id}",
        "/api/v1/things",
        "/api/v1/fails/{how}",
        "/api/v1/stream",
        "/api/v1/raw",
    }
    responses = document["paths"]["/api/v1/things"]["get"]["responses"]
    assert set(responses) == {"200", "default"}
    assert "application/problem+json" in responses["default"]["content"]
    assert "ProblemDocument" in document["components"]["schemas"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_sockets_pass_with_a_correlation_of_their_own() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(f"{scope['type']} {correlation_id.get()}")

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        raise AssertionError

    await Edge(app)({"type": "websocket"}, receive, send)
    await Edge(app)({"type": "lifespan"}, receive, send)
    assert len(seen[0]) == len("websocket ") + 32
    assert seen[1] == "lifespan "
