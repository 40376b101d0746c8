"""Facts that session-api publishes. ``seq`` is the session's log number the fact follows from: the newest wins."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.registry import register

Mode = Literal["single", "dual", "group"]
Role = Literal["A", "B", "member"]


class PairingOffer(Contract):
    """The first pairing code of a dual session: its keyed hash, never the code."""

    generation: int = Field(ge=1)
    code_hash: str = Field(description="'{key id}:{hex HMAC-SHA256}', see hashed_codes")
    expires_at: datetime


class TablePlace(Contract):
    """Where a session sits, with what is needed to compute its service day."""

    location_id: UUID
    location_slug: str | None = Field(default=None, description="the restaurant's short name, guests may give it too")
    table_id: UUID
    table_token: str
    timezone: str = Field(description="IANA name")
    day_starts_at_hour: int = Field(ge=0, le=23, description="local hour at which a service day begins")


@register(
    "twotop.session.created.v1",
    kind="fact",
    owner="session-api",
    consumers=("pairing", "realtime-gateway", "cleanup-worker"),
)
class SessionCreated(Contract):
    """A session began, with its first participant. ``due_at`` is its first lifetime limit."""

    session_id: UUID
    seq: int
    mode: Mode
    place: TablePlace
    participant_id: UUID
    role: Role
    generation: int
    pairing: PairingOffer | None
    due_at: datetime
    credential_expires_at: datetime
    code_life_s: int = Field(
        default=600, gt=0, description="how long each further code is valid; a sender that does not say has 10 minutes"
    )


@register("twotop.participant.admitted.v1", kind="fact", owner="session-api", consumers=("realtime-gateway",))
class ParticipantAdmitted(Contract):
    """A further phone is on the roster."""

    session_id: UUID
    seq: int
    participant_id: UUID
    role: Role
    generation: int


@register("twotop.participant.renewed.v1", kind="fact", owner="session-api", consumers=("realtime-gateway", "pairing"))
class ParticipantRenewed(Contract):
    """A credential was renewed: lower generations are revoked."""

    session_id: UUID
    seq: int
    participant_id: UUID
    generation: int


@register("twotop.participant.left.v1", kind="fact", owner="session-api", consumers=("realtime-gateway", "pairing"))
class ParticipantLeft(Contract):
    """A participant is off the roster and may not come back with that credential."""

    session_id: UUID
    seq: int
    participant_id: UUID
    role: Role


@register("twotop.participant.polling.v1", kind="fact", owner="session-api", consumers=("pairing",))
class ParticipantPolling(Contract):
    """Device B asks for things without a socket: it is here until 30 s after ``polled_at``.

    Only of one that never had a socket, or was declared gone since, at most every 15 s; of others the gateways' facts
    say enough. The newest ``polled_at`` wins, so that it may come late, twice and out of order. One that is lost (a
    process died before it was written) is made good by the phone's next request.
    """

    session_id: UUID
    participant_id: UUID
    polled_at: datetime


@register(
    "twotop.session.ended.v1",
    kind="fact",
    owner="session-api",
    consumers=("pairing", "realtime-gateway", "cleanup-worker"),
)
class SessionEnded(Contract):
    """The session is closed or expired; consumers leave a tombstone."""

    session_id: UUID
    seq: int
    state: Literal["closed", "expired"]
    reason: str
    ended_at: datetime


@register("twotop.deadline.set.v1", kind="fact", owner="session-api", consumers=("cleanup-worker",))
class DeadlineSet(Contract):
    """The owner's next deadline for a subject. The newest ``seq`` wins; at equal ``seq`` the later due."""

    session_id: UUID
    seq: int
    due_at: datetime


@register(
    "twotop.flag.changed.v1",
    kind="fact",
    owner="session-api",
    consumers=("pairing", "realtime-gateway", "cleanup-worker"),
)
class FlagChanged(Contract):
    """A feature flag has a new value; a higher version wins."""

    name: str
    enabled: bool
    version: int
