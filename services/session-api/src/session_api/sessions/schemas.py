"""Bodies of the session area, as CONTRACT gives them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from session_api.play.domain.decks import Context
from session_api.sessions.domain.events import Mode, Role
from session_api.sessions.domain.lifecycle import ENDED, DualStatus, Lifecycle
from session_api.sessions.queries import Head
from twotop_common.contracts.session_log import EventView


class CreateSession(BaseModel):
    """A new session for a new scan; never joins an existing one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"table_token": "8dK2mPq7", "mode": "dual", "context": "exploring"}]}
    )

    table_token: str = Field(min_length=1, max_length=64)
    location_id: str | None = Field(
        default=None,
        max_length=64,
        validation_alias=AliasChoices("location_id", "restaurant_id"),
        description="id or slug of the location that the client believes it is at",
    )
    qr_token: str | None = Field(default=None, max_length=512)
    mode: Mode
    context: Context | None = None
    language: str | None = Field(
        default=None, min_length=2, max_length=16, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
    )
    nickname: str | None = Field(default=None, min_length=1, max_length=40)


class SessionBody(BaseModel):
    """``expires_at`` is when the session ends if nobody does anything; after the end, when it ended."""

    session_id: UUID
    location_id: UUID
    table_id: UUID
    table_number: str
    mode: Mode
    context: Context | None
    state: Lifecycle
    dual_status: DualStatus
    created_at: datetime
    last_activity_at: datetime
    expires_at: datetime
    last_seq: int
    cart_items_count: int
    order_ids: list[UUID]

    @classmethod
    def of(cls, head: Head) -> SessionBody:
        state = head.state
        ended_at = state.ended_at if state.state in ENDED else None
        return cls(
            session_id=state.session_id,
            location_id=state.location_id,
            table_id=state.table_id,
            table_number=state.table_number,
            mode=state.mode,
            context=state.play.context,
            state=state.state,
            dual_status=state.dual_status,
            created_at=state.created_at,
            last_activity_at=head.active_at,
            expires_at=ended_at or state.due(head.active_at).at,
            last_seq=state.last_seq,
            cart_items_count=0,
            order_ids=[],
        )


class ParticipantBody(BaseModel):
    """A place in a session and the credential that proves it."""

    participant_id: UUID
    role: Role
    credential: str
    expires_at: datetime


class PairingBody(BaseModel):
    """Shown once to device A. The link's fragment holds its own secret."""

    code: str = Field(description="six letters as XXX-XXX")
    expires_at: datetime
    join_url: str


class SessionCreatedBody(BaseModel):
    session: SessionBody
    participant: ParticipantBody
    pairing: PairingBody | None


class SnapshotBody(BaseModel):
    """The fold of the log up to ``last_seq``."""

    session_id: UUID
    last_seq: int
    state: dict[str, Any]


class EventsBody(BaseModel):
    events: list[EventView]
    next_cursor: int
    epoch: str


class MissedBody(EventsBody):
    """Internal: ``settled_at`` is a number in the log at which nobody waited for another; None when somebody may."""

    settled_at: int | None


class AppendEvent(BaseModel):
    """A command; ``event_type`` and ``payload`` are other names of ``type`` and ``data``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"idempotency_key": "4f1c…", "type": "choose_context", "data": {"context": "exploring"}}]
        }
    )

    idempotency_key: str = Field(min_length=1, max_length=255)
    type: str = Field(min_length=1, max_length=64, validation_alias=AliasChoices("type", "event_type"))
    data: dict[str, Any] = Field(default_factory=dict, validation_alias=AliasChoices("data", "payload"))
    expected_seq: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None


class AppendedBody(BaseModel):
    """``event_id`` is ``{session_id}:{seq}`` of the first event; a command that changes nothing has none."""

    events: list[EventView]
    event_id: str | None
    event_seq: int | None
    last_seq: int
    replayed: bool


class StandingBody(BaseModel):
    """Internal: what a gateway needs to admit a phone that it does not know yet."""

    participant_id: UUID
    role: Role
    generation: int
    last_seq: int
    epoch: str


class HeadsQuery(BaseModel):
    session_ids: list[UUID] = Field(max_length=10_000)


class HeadsBody(BaseModel):
    epoch: str
    heads: dict[UUID, int]
