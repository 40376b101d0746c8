"""A guest's phone over plain HTTP: its own source address, its credential, commands with keys and retries."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

from twotop_e2e.stack import Stack

Json = dict[str, Any]
RETRYABLE = frozenset({502, 503, 504})
GIVE_UP_S = 60.0


def new_key() -> str:
    """A random key, long enough for calls that issue credentials."""
    return secrets.token_urlsafe(24)


class Phone:
    """One guest. Without ``start`` or ``join`` it belongs to no session yet."""

    def __init__(self, stack: Stack, *, address: str | None = None, headers: dict[str, str] | None = None) -> None:
        self.stack = stack
        self.address = address
        self.http = httpx.AsyncClient(
            base_url=stack.origin,
            transport=httpx.AsyncHTTPTransport(
                verify=False, local_address=address, limits=httpx.Limits(max_connections=100)
            ),
            headers=headers,
            timeout=40,
        )
        self.session_id = ""
        self.participant_id = ""
        self.role = ""
        self.credential = ""
        self.code = ""
        self.join_url = ""
        self.unexpected: list[str] = []

    async def __aenter__(self) -> Phone:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    # -- one request each

    async def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """One request with the phone's credential, if it has one."""
        headers = dict(arguments.pop("headers", None) or {})
        if self.credential:
            headers.setdefault("Authorization", f"Bearer {self.credential}")
        answer = await self.http.request(method, path, headers=headers, **arguments)
        if answer.status_code >= 500 and answer.status_code != 503:
            self.unexpected.append(f"{method} {path}: {answer.status_code}")
        return answer

    async def try_start(self, table_token: str, *, key: str | None = None, **body: Any) -> httpx.Response:
        """Ask for a new session, once."""
        return await self.http.post(
            "/api/v1/sessions",
            json={"table_token": table_token, "mode": "dual", **body},
            headers={"Idempotency-Key": key or new_key()},
        )

    async def try_join(self, table_token: str, *, key: str | None = None, **secret: str) -> httpx.Response:
        """Redeem ``code=`` or ``join_secret=``, once."""
        return await self.http.post(
            "/api/v1/sessions/join-dual",
            json={"table_token": table_token, **secret},
            headers={"Idempotency-Key": key or new_key()},
        )

    async def try_command(
        self, type_: str, data: Json | None = None, *, key: str | None = None, expected_seq: int | None = None
    ) -> httpx.Response:
        """Send a command, once."""
        body: Json = {"idempotency_key": key or new_key(), "type": type_, "data": data or {}}
        if expected_seq is not None:
            body["expected_seq"] = expected_seq
        return await self.request("POST", f"/api/v1/sessions/{self.session_id}/events", json=body)

    # -- until it is answered

    async def start(self, table_token: str, *, mode: str = "dual", **body: Any) -> Phone:
        """A new session, with this phone as its first participant."""
        key = new_key()
        answer = await self.until_answered(lambda: self.try_start(table_token, key=key, mode=mode, **body))
        assert answer.status_code == 201, answer.text
        created = answer.json()
        self._belong(created["session"]["session_id"], created["participant"])
        if created["pairing"]:
            self.code, self.join_url = created["pairing"]["code"], created["pairing"]["join_url"]
        return self

    async def join(self, table_token: str, *, key: str | None = None, **secret: str) -> Phone:
        """Join with ``code=`` or ``join_secret=``. Neither is called wrong when pairing hears of it late."""
        key = key or new_key()
        answer = await self.until_answered(lambda: self.try_join(table_token, key=key, **secret))
        assert answer.status_code == 200, answer.text
        joined = answer.json()
        self._belong(joined["session"]["session_id"], joined["participant"])
        return self

    async def command(self, type_: str, data: Json | None = None, *, key: str | None = None) -> Json:
        """Send a command until it is answered with success, always with the same key. The answer's body."""
        key = key or new_key()
        answer = await self.until_answered(lambda: self.try_command(type_, data, key=key))
        assert answer.status_code in (200, 201), answer.text
        body: Json = answer.json()
        return body

    async def question_set(self, shown: Json) -> dict[str, Json]:
        """The questions of the deck that ``question_shown`` names, by id."""
        path = f"/api/v1/question-sets/{shown['context']}"
        answer = await self.until_answered(lambda: self.request("GET", path, params={"version": shown["set_version"]}))
        assert answer.status_code == 200, answer.text
        return {question["question_id"]: question for question in answer.json()["questions"]}

    async def events(self, cursor: int = 0, *, limit: int = 500, wait: float = 0) -> Json:
        """One page of events after the cursor."""
        path = f"/api/v1/sessions/{self.session_id}/events"
        answer = await self.until_answered(
            lambda: self.request("GET", path, params={"cursor": cursor, "limit": limit, "wait": wait})
        )
        assert answer.status_code == 200, answer.text
        page: Json = answer.json()
        return page

    async def all_events(self, cursor: int = 0) -> list[Json]:
        """Everything after the cursor."""
        found: list[Json] = []
        while True:
            page = await self.events(cursor)
            if not page["events"]:
                return found
            found.extend(page["events"])
            cursor = page["next_cursor"]

    async def snapshot(self) -> Json:
        answer = await self.until_answered(lambda: self.request("GET", f"/api/v1/sessions/{self.session_id}/snapshot"))
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    async def session(self) -> Json:
        """Resume: the session as it is."""
        answer = await self.until_answered(lambda: self.request("GET", f"/api/v1/sessions/{self.session_id}"))
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    async def close_session(self) -> None:
        """End the session for everybody."""
        key = new_key()
        path = f"/api/v1/sessions/{self.session_id}/close"
        answer = await self.until_answered(lambda: self.request("POST", path, headers={"Idempotency-Key": key}))
        assert answer.status_code in (200, 410), answer.text

    @property
    def join_secret(self) -> str:
        """What the join link's fragment carries: ``{session_id}.{secret}``."""
        return urlsplit(self.join_url).fragment.removeprefix("join=")

    async def until_answered(self, ask: Any) -> httpx.Response:
        """Ask until the answer is neither a lost connection nor "try again"."""
        deadline = time.monotonic() + GIVE_UP_S
        while True:
            try:
                answer: httpx.Response = await ask()
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            else:
                if answer.status_code not in RETRYABLE and code_of(answer) != "idempotency_in_progress":
                    return answer
                if time.monotonic() > deadline:
                    return answer
            await asyncio.sleep(random.uniform(0.1, 0.4))

    def _belong(self, session_id: str, participant: Json) -> None:
        self.session_id = session_id
        self.participant_id = participant["participant_id"]
        self.role = participant["role"]
        self.credential = participant["credential"]


def code_of(answer: httpx.Response) -> str | None:
    """The stable code of a problem document, None for anything else."""
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    code: str = answer.json()["code"]
    return code


async def pair(stack: Stack, *, context: str | None = "exploring", table: str | None = None) -> tuple[Phone, Phone]:
    """Two phones, paired by code, at a table of their own; the log shows both."""
    table = table or stack.fresh_table()
    body = {"context": context} if context else {}
    a = await Phone(stack).start(table, **body)
    b = await Phone(stack).join(table, code=a.code)
    async with asyncio.timeout(10):
        while not (await a.events(1, wait=5))["events"]:
            pass
    return a, b
