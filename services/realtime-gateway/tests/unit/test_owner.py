"""What the owner's answers mean, the unreadable ones too."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest

from realtime_gateway.domain.closing import Closing
from realtime_gateway.errors import OwnerUnavailable, SocketRefused
from realtime_gateway.owner import PAGE_SIZE, Owner

Answer = Callable[[httpx.Request], httpx.Response]


def owner_answering(answer: Answer) -> Owner:
    return Owner(httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://owner"))


def saying(status: int, document: object = None) -> Answer:
    return lambda request: httpx.Response(status, json=document)


@pytest.mark.parametrize("document", [{}, [], {"epoch": "e", "events": [{"seq": "x"}]}, {"epoch": "e", "events": 1}])
async def test_unreadable_answers_are_no_answers(document: object) -> None:
    owner = owner_answering(saying(200, document))
    with pytest.raises(OwnerUnavailable):
        await owner.events(uuid4(), "credential", 0)
    with pytest.raises(OwnerUnavailable):
        await owner.confirm(uuid4(), "credential")
    with pytest.raises(OwnerUnavailable):
        await owner.heads([uuid4()])


async def test_what_is_no_json_is_no_answer() -> None:
    owner = owner_answering(lambda request: httpx.Response(200, content=b"<html>"))
    with pytest.raises(OwnerUnavailable):
        await owner.heads([uuid4()])


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("reset")]
)
async def test_a_lost_connection_is_no_answer(failure: httpx.HTTPError) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise failure

    with pytest.raises(OwnerUnavailable):
        await owner_answering(fail).events(uuid4(), "credential", 0)


@pytest.mark.parametrize(
    ("status", "closing"),
    [
        (401, Closing.BAD_CREDENTIAL),
        (403, Closing.NOT_REGISTERED),
        (404, Closing.NO_SESSION),
        (410, Closing.SESSION_ENDED),
    ],
)
async def test_a_clear_refusal_closes_the_socket(status: int, closing: Closing) -> None:
    with pytest.raises(SocketRefused) as refused:
        await owner_answering(saying(status, {})).events(uuid4(), "credential", 0)
    assert refused.value.closing is closing


@pytest.mark.parametrize("status", [400, 422, 429, 500, 502, 503])
async def test_anything_else_means_try_again(status: int) -> None:
    with pytest.raises(OwnerUnavailable):
        await owner_answering(saying(status, {})).confirm(uuid4(), "credential")


async def test_a_refusal_without_a_credential_refuses_nobody() -> None:
    with pytest.raises(OwnerUnavailable):
        await owner_answering(saying(404, {})).heads([uuid4()])


async def test_the_phones_own_credential_is_sent_and_the_page_size_asked_for() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"events": [], "epoch": "e"})

    page = await owner_answering(answer).events(uuid4(), "its-credential", 7)
    assert (page.epoch, page.events, page.full) == ("e", [], False)
    assert seen[0].headers["authorization"] == "Bearer its-credential"
    assert dict(seen[0].url.params) == {"cursor": "7", "limit": str(PAGE_SIZE)}
