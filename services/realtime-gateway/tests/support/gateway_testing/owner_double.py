"""session-api's internal side as a real HTTP server over sessions in memory, for what no real one does on demand:
be away, answer late, lose a hint, have another history."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from twotop_common.contracts.session_api import ParticipantAdmitted, Role
from twotop_common.contracts.session_log import EventView, LogHint, PhoneCommand, PhoneCommandAnswer
from twotop_common.credentials import (
    CredentialExpired,
    CredentialInvalid,
    CredentialSigner,
    CredentialVerifier,
    ParticipantClaims,
)
from twotop_common.service_defaults.problems import Problem


@dataclass
class Guest:
    """A participant on the owner's roster. What was revealed before the event ``joined`` is withheld from it."""

    participant_id: UUID
    role: Role
    generation: int = 1
    left: bool = False
    joined: int = 0


@dataclass
class Table:
    """One session: its log and its roster."""

    session_id: UUID
    guests: list[Guest]
    events: list[EventView] = field(default_factory=list)
    ended: bool = False
    commands: dict[str, list[EventView]] = field(default_factory=dict)
    settled_at: int | None = None

    @property
    def last_seq(self) -> int:
        return len(self.events)


class OwnerDouble:
    """The sessions, and the HTTP app over them."""

    def __init__(self, signer: CredentialSigner, verifier: CredentialVerifier) -> None:
        self._signer = signer
        self._verifier = verifier
        self.tables: dict[UUID, Table] = {}
        self.epoch = "epoch-1"
        self.away = False
        self.page_limit = 500
        self.calls: list[str] = []
        self.open_gate = asyncio.Event()
        self.open_gate.set()
        self.publish: Any = lambda shard, body: None
        self.commands_seen: list[PhoneCommand] = []
        self.app = Starlette(
            routes=[
                Route("/internal/sessions/{session_id}/events", self._events),
                Route("/internal/sessions/{session_id}/participant", self._participant),
                Route("/internal/heads", self._heads, methods=["POST"]),
            ]
        )

    # -- what a test does

    def seat(self, *roles: Role) -> Table:
        """A new session with these participants, and its first event."""
        table = Table(uuid4(), [Guest(uuid4(), role) for role in roles or ("A", "B")])
        self.tables[table.session_id] = table
        self.append(table, "session_created", hint=False)
        return table

    def append(
        self,
        table: Table,
        kind: str = "ready_changed",
        *,
        hint: bool = True,
        by: str = "system",
        command_id: str | None = None,
        **data: Any,
    ) -> EventView:
        """The next event of a log; ``hint=False`` is the fan-out losing it."""
        event = EventView(
            seq=table.last_seq + 1, type=kind, data=data, at=datetime.now(UTC), by=by, command_id=command_id
        )
        table.events.append(event)
        if hint:
            self.hint(table, event)
        return event

    def hint(self, table: Table, *events: EventView, traceparent: str | None = None) -> None:
        """Publish events to the fan-out."""
        hint = LogHint(
            session_id=table.session_id,
            epoch=self.epoch,
            last_seq=table.last_seq,
            events=events,
            traceparent=traceparent,
        )
        self.publish(table.session_id.hex[:2], hint.model_dump_json().encode())

    def credential(
        self,
        table: Table,
        guest: Guest,
        *,
        generation: int | None = None,
        lives_s: float = 3_600,
        session_id: UUID | None = None,
    ) -> str:
        """A signed credential of a guest."""
        now = datetime.now(UTC).replace(microsecond=0)
        return self._signer.issue(
            ParticipantClaims(
                session_id=session_id or table.session_id,
                participant_id=guest.participant_id,
                role=guest.role,
                generation=guest.generation if generation is None else generation,
                issued_at=now - timedelta(hours=2),
                expires_at=now + timedelta(seconds=lives_s),
            )
        )

    async def answer(self, body: bytes, headers: Any) -> bytes:
        """The command side: ``set_ready`` appends, ``noop`` does not, ``refuse`` is refused, ``hang`` never answers."""
        command = PhoneCommand.model_validate_json(body)
        self.commands_seen.append(command)
        table = self.tables[command.session_id]
        kind = command.command.type
        if kind == "hang":
            await asyncio.Event().wait()
        if kind == "refuse":
            problem = Problem(409, "not_allowed", extra={"reason": "because"}).document("trace")
            return PhoneCommandAnswer(problem=problem).model_dump_json().encode()
        known = table.commands.get(command.command_id)
        if known is not None:
            answer = PhoneCommandAnswer(last_seq=table.last_seq, events=tuple(known), replayed=True)
            return answer.model_dump_json().encode()
        events = []
        if kind != "noop":
            events.append(
                self.append(
                    table,
                    "ready_changed",
                    by=str(command.participant_id),
                    command_id=command.command_id,
                    **command.command.data,
                )
            )
        table.commands[command.command_id] = events
        return PhoneCommandAnswer(last_seq=table.last_seq, events=tuple(events)).model_dump_json().encode()

    # -- HTTP

    async def _events(self, request: Request) -> Response:
        try:
            table, guest = await self._admit(request, "events")
        except Problem as problem:
            return JSONResponse(problem.document("trace"), problem.status)
        cursor = int(request.query_params["cursor"])
        if cursor >= 2**31:
            return JSONResponse({}, 422)
        limit = min(int(request.query_params["limit"]), self.page_limit)
        found = [_as_seen(event, guest).model_dump(mode="json") for event in table.events[cursor : cursor + limit]]
        reached = cursor + len(found)
        await self.open_gate.wait()
        body = {"events": found, "next_cursor": reached, "epoch": self.epoch, "settled_at": table.settled_at}
        return JSONResponse(body)

    async def _participant(self, request: Request) -> Response:
        try:
            table, guest = await self._admit(request, "participant")
        except Problem as problem:
            return JSONResponse(problem.document("trace"), problem.status)
        return JSONResponse(
            {
                "participant_id": str(guest.participant_id),
                "role": guest.role,
                "generation": guest.generation,
                "last_seq": table.last_seq,
                "epoch": self.epoch,
            }
        )

    async def _heads(self, request: Request) -> Response:
        self.calls.append("heads")
        if self.away:
            return JSONResponse({}, 503)
        asked = [UUID(text) for text in (await request.json())["session_ids"]]
        heads = {str(one): self.tables[one].last_seq for one in asked if one in self.tables}
        return JSONResponse({"epoch": self.epoch, "heads": heads})

    async def _admit(self, request: Request, call: str) -> tuple[Table, Guest]:
        self.calls.append(call)
        if self.away:
            raise Problem(503, "unavailable")
        token = request.headers["authorization"].removeprefix("Bearer ")
        try:
            claims = self._verifier.verify(token, datetime.now(UTC))
        except (CredentialInvalid, CredentialExpired):
            raise Problem(401, "credential_invalid") from None
        table = self.tables.get(UUID(request.path_params["session_id"]))
        if table is None:
            raise Problem(404, "session_not_found")
        guest = next((one for one in table.guests if one.participant_id == claims.participant_id), None)
        if guest is None or guest.left:
            raise Problem(403, "not_a_participant")
        if claims.generation < guest.generation:
            raise Problem(401, "credential_invalid")
        if call == "participant" and table.ended:
            raise Problem(410, "session_closed")
        return table, guest


def admitted(table: Table, guest: Guest) -> ParticipantAdmitted:
    """session-api's fact of it."""
    return ParticipantAdmitted(
        session_id=table.session_id,
        seq=1,
        participant_id=guest.participant_id,
        role=guest.role,
        generation=guest.generation,
    )


def _as_seen(event: EventView, guest: Guest) -> EventView:
    if event.type == "answers_revealed" and event.seq < guest.joined:
        return event.model_copy(update={"data": {**event.data, "answers": []}})
    return event
