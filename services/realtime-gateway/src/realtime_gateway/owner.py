"""session-api as the gateway asks it: events and admission with the phone's own credential, heads of many sessions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import orjson
from pydantic import TypeAdapter, ValidationError

from realtime_gateway.domain.closing import Closing, closing_for_refusal
from realtime_gateway.errors import OwnerUnavailable, SocketRefused
from twotop_common.contracts.session_log import EventView

PAGE_SIZE = 500
MAX_CURSOR = 2**31 - 1
_EVENTS = TypeAdapter(list[EventView])


@dataclass(frozen=True, slots=True)
class Page:
    """Events after a cursor. ``full``: there may be more. ``settled_at``: a number at which nobody waited, if known."""

    epoch: str
    events: list[EventView]
    full: bool
    settled_at: int | None


@dataclass(frozen=True, slots=True)
class Heads:
    """The last seq of each session that exists."""

    epoch: str
    last_seq: Mapping[UUID, int]


class Owner:
    """All methods raise OwnerUnavailable when session-api cannot say."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def events(self, session_id: UUID, credential: str, cursor: int) -> Page:
        """What happened after ``cursor``. Raises SocketRefused when the credential no longer grants it.

        A phone may claim any number: one that no log reaches has nothing behind it.
        """
        document = await self._ask(
            "GET",
            f"/internal/sessions/{session_id}/events",
            params={"cursor": min(cursor, MAX_CURSOR), "limit": PAGE_SIZE},
            credential=credential,
        )
        try:
            events = _EVENTS.validate_python(document["events"])
            return Page(str(document["epoch"]), events, len(events) >= PAGE_SIZE, document.get("settled_at"))
        except (KeyError, TypeError, ValidationError) as error:
            raise OwnerUnavailable("unreadable events") from error

    async def confirm(self, session_id: UUID, credential: str) -> int:
        """The generation with which the owner knows the phone. Raises SocketRefused."""
        document = await self._ask("GET", f"/internal/sessions/{session_id}/participant", credential=credential)
        try:
            return int(document["generation"])
        except (KeyError, TypeError, ValueError) as error:
            raise OwnerUnavailable("unreadable participant") from error

    async def heads(self, session_ids: Iterable[UUID]) -> Heads:
        """Where the logs of these sessions stand; unknown sessions are absent."""
        document = await self._ask(
            "POST", "/internal/heads", content=orjson.dumps({"session_ids": [str(one) for one in session_ids]})
        )
        try:
            return Heads(str(document["epoch"]), {UUID(key): int(seq) for key, seq in document["heads"].items()})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise OwnerUnavailable("unreadable heads") from error

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        credential: str | None = None,
        params: Mapping[str, int] | None = None,
        content: bytes | None = None,
    ) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"} if content is not None else {}
        if credential is not None:
            headers["Authorization"] = f"Bearer {credential}"
        try:
            answer = await self._client.request(method, path, headers=headers, params=params, content=content)
            if answer.status_code == 200:
                document: dict[str, Any] = orjson.loads(answer.content)
                return document
        except (httpx.HTTPError, orjson.JSONDecodeError) as error:
            raise OwnerUnavailable(type(error).__name__) from error
        closing = closing_for_refusal(answer.status_code)
        if credential is None or closing is Closing.TRY_AGAIN:
            raise OwnerUnavailable(f"status {answer.status_code}")
        raise SocketRefused(closing)
