"""Session rates: the milestones that are stored as statistics, counted since the process began."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import Counter

from session_api.analytics.domain import AnalyticsRecord

SESSIONS = Counter("twotop_sessions_total", "milestones of sessions", ["event", "mode", "reason"])


def count_milestones(committed: Sequence[AnalyticsRecord]) -> None:
    """Count ``committed`` records, each once: not those of a repeat, whose milestones were counted the first time."""
    for record in committed:
        SESSIONS.labels(record.kind, record.mode, record.reason or "").inc()
