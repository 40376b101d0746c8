"""Which events of the log are counted, and with what. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from session_api.play.domain import BothReady
from session_api.sessions.domain import events as e
from session_api.sessions.domain.state import SessionState

Kind = Literal["session_created", "partner_joined", "both_ready", "session_ended"]


@dataclass(frozen=True, slots=True)
class AnalyticsRecord:
    """One anonymous occurrence (X5). ``duration_s`` counts from the session's beginning, ``count`` its phones."""

    kind: Kind
    location_id: UUID
    service_day: date
    mode: str
    context: str | None
    reason: str | None
    duration_s: int
    count: int


def analytics_of(recorded: Sequence[e.Recorded], after: SessionState) -> list[AnalyticsRecord]:
    """The records of these events, which led to ``after``."""
    return [
        AnalyticsRecord(
            kind=kind,
            location_id=after.location_id,
            service_day=date.fromisoformat(after.service_day),
            mode=after.mode,
            context=after.play.context,
            reason=after.end_reason if kind == "session_ended" else None,
            duration_s=int((entry.at - after.created_at).total_seconds()),
            count=len(after.members),
        )
        for entry in recorded
        if (kind := _kind_of(entry.event)) is not None
    ]


def _kind_of(event: e.Event) -> Kind | None:
    match event:
        case e.SessionCreated():
            return "session_created"
        case e.PartnerJoined():
            return "partner_joined"
        case BothReady():
            return "both_ready"
        case e.SessionClosed() | e.SessionExpired():
            return "session_ended"
    return None
