"""What Prometheus is told of sessions and of the game: what was committed since the process began, how full it is."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Sequence

from prometheus_client import Counter, Gauge, Histogram

from session_api.analytics.domain import AnalyticsRecord, readiness_s
from session_api.analytics.queries import TablesAlike
from session_api.play.domain.events import BothReady, DeckFinished, PlayEvent, QuestionAdvanced, QuestionShown
from session_api.sessions.domain.events import SYSTEM, Recorded
from session_api.sessions.domain.state import SessionState

SESSIONS = Counter("twotop_sessions_total", "milestones of sessions", ["event", "mode", "reason"])
QUESTIONS_SHOWN = Counter(
    "twotop_questions_shown_total", "questions that were laid open, again included", ["context", "mode"]
)
MOVES = Counter("twotop_question_moves_total", "questions that were left", ["direction", "alone"])
DECKS_FINISHED = Counter("twotop_decks_finished_total", "decks played to their end", ["context"])
WISHES_RELEASED = Counter("twotop_wishes_released_total", "wishes that took effect because the partner was absent")
BOTH_READY_SECONDS = Histogram(
    "twotop_both_ready_seconds",
    "from the second phone's joining to both being ready",
    buckets=(1, 2, 5, 10, 20, 30, 60, 120, 300, 600),
)
TABLES = Gauge("twotop_tables", "tables by how many live sessions they have", ["live_sessions"])
TABLES_AT_THE_CAP = Gauge("twotop_tables_at_cap", "tables at which no further session may begin")
FULLEST = 10
"""A cap can be a thousand, and each value of a label is a series of its own."""


def tell_tables(alike: Iterable[TablesAlike]) -> None:
    """Say how the live sessions are spread over the tables: each number up to ``FULLEST``, which is for all above."""
    tables, at_the_cap = Tally[int](), 0
    for one in alike:
        tables[min(one.live_sessions, FULLEST)] += one.tables
        at_the_cap += one.tables if one.at_the_cap else 0
    for live in range(FULLEST):
        TABLES.labels(str(live)).set(tables[live])
    TABLES.labels(f"{FULLEST}+").set(tables[FULLEST])
    TABLES_AT_THE_CAP.set(at_the_cap)


def count_milestones(committed: Sequence[AnalyticsRecord]) -> None:
    """Count ``committed`` records, each once: not those of a repeat, whose milestones were counted the first time."""
    for record in committed:
        SESSIONS.labels(record.kind, record.mode, record.reason or "").inc()


def count_play(before: SessionState, committed: Sequence[Recorded], after: SessionState) -> None:
    """Count what the ``committed`` events, which lead from one state to the other, say of the game; each once."""
    if committed and committed[0].by == SYSTEM and isinstance(committed[0].event, PlayEvent):
        WISHES_RELEASED.inc()
    for entry in committed:
        match entry.event:
            case QuestionShown(context=context):
                QUESTIONS_SHOWN.labels(context, after.mode).inc()
            case QuestionAdvanced(_, direction, alone):
                MOVES.labels(direction, str(alone).lower()).inc()
            case DeckFinished(context) if not before.play.has_finished(context):
                DECKS_FINISHED.labels(context).inc()
            case BothReady() if (
                after.present <= after.play.ready and (seconds := readiness_s(entry.at, after)) is not None
            ):
                BOTH_READY_SECONDS.observe(seconds)
