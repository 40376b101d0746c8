"""Facts that realtime-gateway publishes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.registry import register
from twotop_common.contracts.session_api import Role


@register(
    "twotop.participant.connected.v1", kind="fact", owner="realtime-gateway", consumers=("session-api", "pairing")
)
class ParticipantConnected(Contract):
    """A participant's socket opened: activity for the idle limits."""

    session_id: UUID
    participant_id: UUID
    role: Role
    connected_at: datetime


@register("twotop.participant.gone.v1", kind="fact", owner="realtime-gateway", consumers=("session-api", "pairing"))
class ParticipantGone(Contract):
    """A participant has had no socket on any gateway for 20 s; ``gone_at`` lies in the middle of them."""

    session_id: UUID
    participant_id: UUID
    role: Role
    gone_at: datetime
