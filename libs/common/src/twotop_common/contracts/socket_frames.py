"""Frames on a phone's socket, ``/ws/sessions/{session_id}``. Clients outside the project rely on these shapes.

Additions are free, changes are not. A frame is one UTF-8 JSON text message of at most 64 kB.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.session_api import Role
from twotop_common.contracts.session_log import EventView, PhoneCommandBody, PresenceStatus


class AuthFrame(Contract):
    """The first frame of a phone, within 5 s: who it is and what it has seen. An Authorization header does as well."""

    type: Literal["auth"]
    credential: str
    last_seq: int = Field(default=0, ge=0)
    epoch: str | None = None


class CommandFrame(Contract):
    """A command; ``command_id`` is its idempotency key."""

    type: Literal["command"]
    command_id: str = Field(min_length=1, max_length=255)
    command: PhoneCommandBody
    expected_seq: int | None = Field(default=None, ge=0)


class PingFrame(Contract):
    """Heartbeat, every ``heartbeat_s``."""

    type: Literal["ping"]


class HelloFrame(Contract):
    """The phone is admitted; what it has missed follows."""

    type: Literal["hello"]
    session_id: UUID
    participant_id: UUID
    role: Role
    epoch: str
    last_seq: int
    heartbeat_s: float


class EventFrame(Contract):
    """The next event of the log. To its sender, ``command_id`` is the acknowledgement."""

    type: Literal["event"]
    event: EventView


class ParticipantPresence(Contract):
    """One participant's presence, over all gateways."""

    participant_id: UUID
    role: Role
    status: PresenceStatus


class PresenceFrame(Contract):
    """Presence of everybody in the session, after each change."""

    type: Literal["presence"]
    participants: tuple[ParticipantPresence, ...]


class RejectedFrame(Contract):
    """A command was refused, with the problem document that HTTP would have answered."""

    type: Literal["rejected"]
    command_id: str | None
    problem: dict[str, Any] = Field(description="an RFC 9457 problem document with a stable `code`")


class AcceptedFrame(Contract):
    """A command changed nothing, or had been carried out before; no event of it will follow."""

    type: Literal["accepted"]
    command_id: str
    last_seq: int


class ResyncFrame(Contract):
    """What the phone knows cannot be continued: take the snapshot, go on from its ``last_seq``."""

    type: Literal["resync"]
    last_seq: int
    epoch: str | None = Field(default=None, description="the history to name in `auth` from now on")


class PongFrame(Contract):
    """Answer to a ping, with the head of the log: a lost tail shows here."""

    type: Literal["pong"]
    last_seq: int


class ByeFrame(Contract):
    """The last frame before the gateway closes the socket."""

    type: Literal["bye"]
    reason: str


PHONE_FRAMES: tuple[type[Contract], ...] = (AuthFrame, CommandFrame, PingFrame)
GATEWAY_FRAMES: tuple[type[Contract], ...] = (
    HelloFrame,
    EventFrame,
    PresenceFrame,
    RejectedFrame,
    AcceptedFrame,
    ResyncFrame,
    PongFrame,
    ByeFrame,
)
PhoneFrame = Annotated[AuthFrame | CommandFrame | PingFrame, Field(discriminator="type")]
GatewayFrame = Annotated[
    HelloFrame | EventFrame | PresenceFrame | RejectedFrame | AcceptedFrame | ResyncFrame | PongFrame | ByeFrame,
    Field(discriminator="type"),
]
