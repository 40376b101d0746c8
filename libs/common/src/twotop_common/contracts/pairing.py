"""Facts that pairing publishes. Pairing's row is the only arbiter of dual status; session-api follows."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.registry import register


@register("twotop.pairing.matched.v1", kind="fact", owner="pairing", consumers=("session-api", "cleanup-worker"))
class PairingMatched(Contract):
    """A second phone redeemed the code (or the join link) of this generation and is participant B."""

    session_id: UUID
    generation: int
    participant_id: UUID
    credential_generation: int
    matched_at: datetime


@register("twotop.pairing.code_replaced.v1", kind="fact", owner="pairing", consumers=("session-api", "cleanup-worker"))
class PairingCodeReplaced(Contract):
    """A waits with a new code: after expiry or withdrawal, as an upgrade from single, or for an absent B."""

    session_id: UUID
    generation: int
    expires_at: datetime
    replaced_at: datetime


@register("twotop.pairing.withdrawn.v1", kind="fact", owner="pairing", consumers=("session-api", "cleanup-worker"))
class PairingWithdrawn(Contract):
    """The fifth wrong try withdrew the code of this generation."""

    session_id: UUID
    generation: int
    withdrawn_at: datetime


@register("twotop.pairing.expired.v1", kind="fact", owner="pairing", consumers=("session-api", "cleanup-worker"))
class PairingExpired(Contract):
    """The code of this generation ran out unused."""

    session_id: UUID
    generation: int
    expired_at: datetime


@register("twotop.pairing.cancelled.v1", kind="fact", owner="pairing", consumers=("session-api", "cleanup-worker"))
class PairingCancelled(Contract):
    """A stopped waiting and goes on alone."""

    session_id: UUID
    generation: int
    cancelled_at: datetime
