"""Small sessions to decide on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from session_api.play.domain.decks import Context
from session_api.sessions.domain.commands import AdmitPartner, Command
from session_api.sessions.domain.decider import decide, evolve, record
from session_api.sessions.domain.events import SYSTEM, Mode, Recorded, SessionCreated
from session_api.sessions.domain.lifecycle import Lifetimes
from session_api.sessions.domain.state import SessionState

START = datetime(2026, 5, 2, 19, 0, tzinfo=UTC)
PHONE_A = UUID("aaaaaaaa-0000-4000-8000-000000000001")
PHONE_B = UUID("bbbbbbbb-0000-4000-8000-000000000002")


def created(mode: Mode = "dual", context: Context | None = None, at: datetime = START) -> Recorded:
    """The first event of a session of device A."""
    event = SessionCreated(
        session_id=uuid4(),
        location_id=UUID(int=1),
        table_id=UUID(int=2),
        table_number="7",
        mode=mode,
        context=context,
        language="en",
        participant_id=PHONE_A,
        role="A",
        nickname=None,
        service_day=at.date(),
        lifetimes=Lifetimes(),
        pairing_expires_at=at + timedelta(minutes=10) if mode == "dual" else None,
    )
    return Recorded(1, event, at, str(PHONE_A), None)


def new_session(mode: Mode = "dual", context: Context | None = None) -> SessionState:
    return evolve(None, created(mode, context))


def after(state: SessionState, command: Command, actor: UUID | None = None, at: datetime = START) -> SessionState:
    """The state once ``command`` was accepted."""
    by = SYSTEM if actor is None else str(actor)
    for recorded in record(state, decide(state, command, actor), at, by, None):
        state = evolve(state, recorded)
    return state


def paired(context: Context | None = "exploring") -> SessionState:
    """A dual session with both phones."""
    return after(new_session("dual", context), AdmitPartner(PHONE_B, 1, 1))
