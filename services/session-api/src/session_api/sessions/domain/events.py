"""Everything a session's log can hold. Events live for ever: a changed shape gets a version and an upcaster."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import TypeAdapter

from session_api.play.domain import events as play
from session_api.play.domain.decks import Context
from session_api.sessions.domain.lifecycle import Lifetimes

Mode = Literal["single", "dual", "group"]
Role = Literal["A", "B", "member"]

SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class SessionCreated:
    """The first event of every log. ``pairing_expires_at`` is set for dual sessions only."""

    session_id: UUID
    location_id: UUID
    table_id: UUID
    table_number: str
    mode: Mode
    context: Context | None
    language: str
    participant_id: UUID
    role: Role
    nickname: str | None
    service_day: date
    lifetimes: Lifetimes
    pairing_expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class PartnerJoined:
    """Participant B is on the roster; ``replaces`` names an absent B whose place it takes."""

    participant_id: UUID
    role: Role
    generation: int
    pairing_generation: int
    replaces: UUID | None


@dataclass(frozen=True, slots=True)
class ParticipantLeft:
    participant_id: UUID
    role: Role


@dataclass(frozen=True, slots=True)
class CredentialRenewed:
    """Credentials of this participant with a lower generation are revoked."""

    participant_id: UUID
    generation: int


@dataclass(frozen=True, slots=True)
class ModeChanged:
    mode: Mode


@dataclass(frozen=True, slots=True)
class PairingCodeReplaced:
    generation: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PairingExpired:
    """The code is of no use any more: it ran out, or wrong tries withdrew it."""

    generation: int
    reason: Literal["expired", "withdrawn"]


@dataclass(frozen=True, slots=True)
class SessionClosed:
    reason: str


@dataclass(frozen=True, slots=True)
class SessionExpired:
    reason: str


Event = (
    SessionCreated
    | play.PlayEvent
    | PartnerJoined
    | ParticipantLeft
    | CredentialRenewed
    | ModeChanged
    | PairingCodeReplaced
    | PairingExpired
    | SessionClosed
    | SessionExpired
)

EVENT_TYPES: dict[str, type[Event]] = {
    "session_created": SessionCreated,
    "context_chosen": play.ContextChosen,
    "mature_opted_in": play.MatureOptedIn,
    "partner_joined": PartnerJoined,
    "participant_left": ParticipantLeft,
    "credential_renewed": CredentialRenewed,
    "ready_changed": play.ReadyChanged,
    "both_ready": play.BothReady,
    "question_shown": play.QuestionShown,
    "next_requested": play.NextRequested,
    "next_withdrawn": play.NextWithdrawn,
    "question_advanced": play.QuestionAdvanced,
    "hint_revealed": play.HintRevealed,
    "answer_given": play.AnswerGiven,
    "answers_revealed": play.AnswersRevealed,
    "deck_finished": play.DeckFinished,
    "change_requested": play.ChangeRequested,
    "change_withdrawn": play.ChangeWithdrawn,
    "started_afresh": play.StartedAfresh,
    "mode_changed": ModeChanged,
    "pairing_code_replaced": PairingCodeReplaced,
    "pairing_expired": PairingExpired,
    "session_closed": SessionClosed,
    "session_expired": SessionExpired,
}
TYPE_NAMES: dict[type[Event], str] = {cls: name for name, cls in EVENT_TYPES.items()}

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
CURRENT_VERSION = 1
EVENT_VERSIONS: dict[str, int] = {}
"""Events whose shape has changed, with their present version; all others are at CURRENT_VERSION."""
UPCASTERS: dict[tuple[str, int], Upcaster] = {}
"""(type, old version) -> the data as the next version has it."""


class UnknownEvent(Exception):
    """A log holds an event that this code does not know: a newer program wrote it."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event in its place in the log. ``by`` is a participant id, 'system' or 'staff'."""

    seq: int
    event: Event
    at: datetime
    by: str
    command_id: str | None

    @property
    def type(self) -> str:
        return TYPE_NAMES[type(self.event)]


_ADAPTERS: dict[type[Event], TypeAdapter[Event]] = {cls: TypeAdapter(cls) for cls in EVENT_TYPES.values()}


def event_version(type_name: str) -> int:
    return EVENT_VERSIONS.get(type_name, CURRENT_VERSION)


def to_data(event: Event) -> dict[str, Any]:
    """The event as JSON values."""
    data: dict[str, Any] = _ADAPTERS[type(event)].dump_python(event, mode="json")
    return data


def to_json(event: Event) -> str:
    """The event's data as JSON text, as it is stored."""
    return _ADAPTERS[type(event)].dump_json(event).decode()


def from_json(type_name: str, version: int, data: str) -> Event:
    """The event that was stored. Raises UnknownEvent for a type or version from the future."""
    if type_name in EVENT_TYPES and version == event_version(type_name):
        return _ADAPTERS[EVENT_TYPES[type_name]].validate_json(data)
    return from_data(type_name, version, json.loads(data))


def from_data(type_name: str, version: int, data: dict[str, Any]) -> Event:
    """The event that was stored. Raises UnknownEvent for a type or version from the future."""
    if type_name not in EVENT_TYPES or version > event_version(type_name):
        raise UnknownEvent(f"{type_name} v{version}")
    for old in range(version, event_version(type_name)):
        data = UPCASTERS[type_name, old](data)
    return _ADAPTERS[EVENT_TYPES[type_name]].validate_python(data)
