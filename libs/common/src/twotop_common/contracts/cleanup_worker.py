"""Commands that cleanup-worker sends when a deadline is due. The owner decides; asked too early it sets a later one."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.registry import register


@register("twotop.session.expire.v1", kind="command", owner="cleanup-worker", consumers=("session-api",))
class ExpireSession(Contract):
    """A limit of this session was due at ``due_at``."""

    session_id: UUID
    due_at: datetime


@register("twotop.pairing.expire.v1", kind="command", owner="cleanup-worker", consumers=("pairing",))
class ExpirePairing(Contract):
    """The pairing code of this generation was due at ``due_at``."""

    session_id: UUID
    generation: int
    due_at: datetime
