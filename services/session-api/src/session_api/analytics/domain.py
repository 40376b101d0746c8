"""What of a session's log becomes a statistic. Pure.

A record names no session, table or participant and no time of day, and the session's age only to the minute, so that it
cannot be led back to a party, nor one party's records be told from another's (X5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from session_api.play.domain.events import BothReady, QuestionAdvanced, QuestionShown
from session_api.play.domain.state import PlayState
from session_api.sessions.domain.events import (
    PartnerJoined,
    Recorded,
    SessionClosed,
    SessionCreated,
    SessionExpired,
)
from session_api.sessions.domain.state import SessionState

_MINUTE = timedelta(minutes=1)

Kind = Literal[
    "session_created", "partner_joined", "both_ready", "question_viewed", "question_advanced", "session_ended"
]


@dataclass(frozen=True, slots=True)
class AnalyticsRecord:
    """One anonymous row. ``duration_s`` is the session's age, in whole minutes, ``count`` the phones it had had."""

    kind: Kind
    location_id: UUID
    service_day: date
    mode: str
    context: str | None
    reason: str | None
    duration_s: int
    count: int


def analytics_of(before: PlayState, recorded: Sequence[Recorded], after: SessionState) -> list[AnalyticsRecord]:
    """The records that follow from newly recorded events; ``after`` is the state with all of them applied.

    One command lays open one question at most, so the game ``before`` it tells whether that had been seen.
    """
    records = []
    for entry in recorded:
        kind = _kind(before, entry)
        if kind is not None:
            records.append(
                AnalyticsRecord(
                    kind=kind,
                    location_id=after.location_id,
                    service_day=date.fromisoformat(after.service_day),
                    mode=after.mode,
                    context=after.play.context,
                    reason=_reason(entry),
                    duration_s=_whole_minutes_s(entry.at - after.created_at),
                    count=len(after.members),
                )
            )
    return records


def _whole_minutes_s(age: timedelta) -> int:
    """To the nearest minute, so that means stay true."""
    return max(0, round(age / _MINUTE)) * 60


def readiness_s(ready_at: datetime, after: SessionState) -> float | None:
    """Seconds from the second phone's joining until both were ready; None when no second phone is there."""
    joined = [member.joined_at for member in after.members if member.present and member.joined_at is not None]
    return max(0.0, (ready_at - max(joined)).total_seconds()) if joined else None


def _kind(before: PlayState, entry: Recorded) -> Kind | None:
    match entry.event:
        case SessionCreated():
            return "session_created"
        case PartnerJoined():
            return "partner_joined"
        case BothReady():
            return "both_ready"
        case QuestionShown() as shown:
            return None if before.has_seen(shown) else "question_viewed"
        case QuestionAdvanced():
            return "question_advanced"
        case SessionClosed() | SessionExpired():
            return "session_ended"
        case _:
            return None


def _reason(entry: Recorded) -> str | None:
    match entry.event:
        case SessionClosed(reason) | SessionExpired(reason):
            return reason
        case QuestionAdvanced(_, direction, alone):
            return f"{direction}_alone" if alone else direction
        case _:
            return None
