"""The session log on the wire: events as phones see them, the fan-out hint, and phone commands from sockets.

The fan-out is a hint: it may be lost, late, doubled or out of order. The log is the truth; order is by ``seq``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.session_api import Role

LOG_EXCHANGE = "twotop.log"
PHONE_COMMAND_QUEUE = "session-api.phone-commands"
PHONE_COMMAND_TTL_MS = 5_000
SHARDS = tuple(f"{number:02x}" for number in range(256))


def shard_of(session_id: UUID) -> str:
    """The first two hex digits of the id: routing key of the fan-out and hash key in the gateway."""
    return session_id.hex[:2]


class EventView(Contract):
    """One log event as a participant may see it."""

    seq: int = Field(ge=1)
    type: str
    data: dict[str, Any]
    at: datetime
    by: str = Field(description="participant id, 'system' or 'staff'")
    command_id: str | None


class LogHint(Contract):
    """Published to LOG_EXCHANGE after commit, key = shard. ``last_seq`` is the head after these events."""

    kind: Literal["log"] = "log"
    session_id: UUID
    epoch: str
    last_seq: int
    events: tuple[EventView, ...]
    traceparent: str | None = None


PresenceStatus = Literal["online", "away", "gone"]


class PresenceHint(Contract):
    """Published by gateways to LOG_EXCHANGE, key = shard: a participant's presence changed on one instance."""

    kind: Literal["presence"] = "presence"
    session_id: UUID
    participant_id: UUID
    role: Role
    status: PresenceStatus
    instance: str
    connection: int = Field(description="rises with every socket of this participant, on any instance")
    at: datetime


class PollingHint(Contract):
    """Published by session-api to LOG_EXCHANGE, key = shard: a phone that has no socket has asked for something.

    Only of a phone that never had a socket, or was declared gone since. Sent as often as its requests are written
    down, at most every 5 s and the first time after 5, and whenever another phone of its session opens a socket.
    Gateways show it as online for ``present_for_s`` from when the hint came, by their own clock; of several hints the
    one that reaches furthest counts, so that they may come twice and in any order. A lost one costs a late picture: the
    phone's next request brings another.
    """

    kind: Literal["polling"] = "polling"
    session_id: UUID
    participant_id: UUID
    role: Role
    present_for_s: float = Field(gt=0, le=30, description="what is left of the 30 s after its request")


Hint = LogHint | PresenceHint | PollingHint
FanOut = Annotated[Hint, Field(discriminator="kind")]


class PhoneCommandBody(Contract):
    """What a phone asks for: a command of the game or the cart."""

    type: str = Field(min_length=1, max_length=64)
    data: dict[str, Any] = Field(default_factory=dict)


class PhoneCommand(Contract):
    """A command from a socket whose phone the gateway has admitted; no credential travels."""

    session_id: UUID
    participant_id: UUID
    generation: int
    command_id: str = Field(min_length=1, max_length=255)
    command: PhoneCommandBody
    expected_seq: int | None = None
    traceparent: str | None = None
    correlationid: str | None = None


class PhoneCommandAnswer(Contract):
    """Either the events of the command (first run or replay; none when nothing changed) or a problem document."""

    last_seq: int | None = None
    events: tuple[EventView, ...] = ()
    replayed: bool = False
    problem: dict[str, Any] | None = None
