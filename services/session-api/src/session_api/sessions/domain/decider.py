"""The Decider: ``decide`` says what a command changes, ``evolve`` what an event leaves behind. Pure and total.

Invariants that every sequence of commands keeps: one event after another with no gap; at most two phones present in
a dual session; ended is ended; the ritual's readiness belongs to phones that are present.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from session_api.play.domain import decider as play
from session_api.play.domain.commands import PlayCommand, ReleaseWishes
from session_api.play.domain.decks import EMPTY_SHELF, Place, Shelf
from session_api.play.domain.events import PlayEvent
from session_api.play.domain.state import PlayState
from session_api.sessions.domain import commands as c
from session_api.sessions.domain import events as e
from session_api.sessions.domain.lifecycle import ENDED, Lifecycle, MoveRefused, end_at_limit, move
from session_api.sessions.domain.state import Pairing, Participant, SessionState

NOBODY: frozenset[UUID] = frozenset()


class Refusal(Exception):
    """The rules refuse a command. ``code`` is the problem's stable code; ``reason`` says why, for ``not_allowed``."""

    def __init__(self, code: str, reason: str | None = None) -> None:
        super().__init__(code if reason is None else f"{code}: {reason}")
        self.code = code
        self.reason = reason


def decide(
    state: SessionState,
    command: c.Command,
    actor: UUID | None,
    *,
    shelf: Shelf = EMPTY_SHELF,
) -> list[e.Event]:
    """The events that ``command`` causes; none when it changes nothing.

    ``actor`` is the participant who asks, or None for another service or for time itself. Raises SetNotLoaded, or
    Refusal: ``session_closed``, ``session_expired``, ``not_a_participant`` or ``not_allowed`` with a reason.
    """
    if state.state in ENDED:
        raise Refusal("session_closed" if state.state == "closed" else "session_expired")
    try:
        if actor is None:
            if isinstance(command, ReleaseWishes):
                return list(play.release(_game(state, shelf), command.absent))
            return _decide_system(state, command, shelf)
        member = state.participant(actor)
        if member is None or not member.present:
            raise Refusal("not_a_participant")
        if isinstance(command, PlayCommand):
            return list(play.decide(_game(state, shelf), command, actor))
        if isinstance(command, c.Leave):
            return _leave(member, _game(state, shelf))
        return _decide_participant(state, command, member)
    except play.NotNow as not_now:
        raise Refusal("not_allowed", not_now.reason) from not_now
    except MoveRefused as refused:
        raise Refusal("not_allowed", f"{refused.source}_to_{refused.target}") from refused


def _game(state: SessionState, shelf: Shelf) -> play.Game:
    return play.Game(
        play=state.play,
        paired=state.mode == "dual",
        present=state.present,
        place=Place(state.location_id, state.table_id, date.fromisoformat(state.service_day)),
        shelf=shelf,
    )


def _decide_participant(state: SessionState, command: c.Command, member: Participant) -> list[e.Event]:
    match command:
        case c.EndSession():
            move(state.state, "closed")
            return [e.SessionClosed("ended_by_guest")]
        case c.RenewCredential():
            return [e.CredentialRenewed(member.participant_id, member.generation + 1)]
    raise Refusal("not_allowed", "not_for_participants")


def _leave(member: Participant, game: play.Game) -> list[e.Event]:
    if member.role == "A":
        raise Refusal("not_allowed", "host_ends_session")
    return _gone_from(game, member)


def _gone_from(game: play.Game, member: Participant) -> list[e.Event]:
    return [e.ParticipantLeft(member.participant_id, member.role), *play.leave(game, member.participant_id)]


def _decide_system(state: SessionState, command: c.Command, shelf: Shelf) -> list[e.Event]:
    known = state.pairing.generation if state.pairing else 0
    match command:
        case c.AdmitPartner(participant_id, credential_generation, generation):
            return _admit_partner(state, participant_id, credential_generation, generation)
        case c.ReplacePairingCode(generation, expires_at):
            if generation <= known:
                return []
            became_dual: list[e.Event] = [e.ModeChanged("dual")] if state.mode == "single" else []
            return [*became_dual, e.PairingCodeReplaced(generation, expires_at)]
        case c.EndPairingCode(generation, reason):
            stale = generation < known or state.mode != "dual"
            if stale or (generation == known and state.dual_status != "waiting"):
                return []
            return [e.PairingExpired(generation, reason)]
        case c.CancelPairing(generation):
            return _go_on_alone(state, shelf) if generation >= known else []
        case c.EndAtLimit(limit):
            target = move(state.state, end_at_limit(state.state))
            return [e.SessionExpired(limit) if target == "expired" else e.SessionClosed(limit)]
    raise Refusal("not_allowed", "not_for_services")


def _admit_partner(
    state: SessionState, participant_id: UUID, credential_generation: int, generation: int
) -> list[e.Event]:
    known = state.pairing.generation if state.pairing else 0
    if state.participant(participant_id) is not None or generation < known:
        return []
    if generation == known and state.dual_status in ("paired", "none"):
        # Its place is taken, or A has gone on alone since: pairing let it match first, though this word comes late.
        return []
    absent = next((member for member in state.members if member.role == "B" and member.present), None)
    became_dual: list[e.Event] = [e.ModeChanged("dual")] if state.mode == "single" else []
    return [
        *became_dual,
        e.PartnerJoined(
            participant_id, "B", credential_generation, generation, absent.participant_id if absent else None
        ),
    ]


def _go_on_alone(state: SessionState, shelf: Shelf) -> list[e.Event]:
    if state.dual_status == "none":
        return []
    absent = next((member for member in state.members if member.role == "B" and member.present), None)
    left = [] if absent is None else _gone_from(_game(state, shelf), absent)
    return [*left, e.ModeChanged("single")]


def record(
    state: SessionState, decided: Iterable[e.Event], now: datetime, by: str, command_id: str | None
) -> list[e.Recorded]:
    """The events in their places after ``state``. Time never runs backwards in a log."""
    at = max(now, state.updated_at)
    return [e.Recorded(seq, event, at, by, command_id) for seq, event in enumerate(decided, start=state.last_seq + 1)]


def evolve(state: SessionState | None, recorded: e.Recorded) -> SessionState:
    """The state after one more event. Raises ValueError for an event out of its place."""
    event = recorded.event
    if state is None:
        if not isinstance(event, e.SessionCreated) or recorded.seq != 1:
            raise ValueError(f"a log starts with session_created at 1, not {recorded.type} at {recorded.seq}")
        return _created(event, recorded.at)
    if recorded.seq != state.last_seq + 1:
        raise ValueError(f"{recorded.seq} does not follow {state.last_seq}")
    state = replace(state, last_seq=recorded.seq, updated_at=recorded.at)
    began = recorded.by not in (e.SYSTEM, "staff") and not isinstance(event, e.CredentialRenewed | e.SessionClosed)
    if state.state == "pending" and (began or isinstance(event, e.PartnerJoined)):
        state = replace(state, state=move("pending", "browsing"))
    if isinstance(event, PlayEvent):
        return replace(state, play=play.evolve(state.play, event))
    return _evolve_session(state, event, recorded.at)


def fold(events: Iterable[e.Recorded]) -> SessionState:
    """The state that a whole log leaves. Raises ValueError for an empty log or a gap."""
    state: SessionState | None = None
    for recorded in events:
        state = evolve(state, recorded)
    if state is None:
        raise ValueError("an empty log has no state")
    return state


def _created(event: e.SessionCreated, at: datetime) -> SessionState:
    opted_in = frozenset({event.participant_id}) if event.context == "mature" else frozenset[UUID]()
    expires_at = event.pairing_expires_at
    return SessionState(
        session_id=event.session_id,
        location_id=event.location_id,
        table_id=event.table_id,
        table_number=event.table_number,
        mode=event.mode,
        state="pending",
        dual_status="none" if expires_at is None else "waiting",
        language=event.language,
        service_day=event.service_day.isoformat(),
        lifetimes=event.lifetimes,
        created_at=at,
        updated_at=at,
        last_seq=1,
        members=(Participant(event.participant_id, event.role, 1, event.nickname),),
        pairing=None if expires_at is None else Pairing(1, expires_at),
        play=PlayState(context=event.context, opted_in=opted_in),
    )


def _evolve_session(state: SessionState, event: e.Event, at: datetime) -> SessionState:
    match event:
        case e.PartnerJoined():
            return _partner_joined(state, event, at)
        case e.ParticipantLeft(participant_id, _):
            members = tuple(
                replace(member, present=False) if member.participant_id == participant_id else member
                for member in state.members
            )
            state = replace(state, members=members)
            return replace(state, play=play.without_leaver(state.play, state.present))
        case e.CredentialRenewed(participant_id, generation):
            members = tuple(
                replace(member, generation=generation) if member.participant_id == participant_id else member
                for member in state.members
            )
            return replace(state, members=members)
        case e.ModeChanged("single"):
            return replace(state, mode="single", dual_status="none", pairing=_ended(state.pairing, at))
        case e.ModeChanged(mode):
            return replace(state, mode=mode)
        case e.PairingCodeReplaced(generation, expires_at):
            return replace(state, dual_status="waiting", pairing=Pairing(generation, expires_at))
        case e.PairingExpired(generation, _):
            expires_at = state.pairing.expires_at if state.pairing else at
            return replace(state, dual_status="expired", pairing=Pairing(generation, expires_at, ended_at=at))
        case e.SessionClosed(reason):
            return _at_end(state, "closed", reason, at)
        case e.SessionExpired(reason):
            return _at_end(state, "expired", reason, at)
    raise TypeError(type(event).__name__)


def _partner_joined(state: SessionState, event: e.PartnerJoined, at: datetime) -> SessionState:
    stay = tuple(
        replace(member, present=False) if member.participant_id == event.replaces else member
        for member in state.members
    )
    expires_at = state.pairing.expires_at if state.pairing else state.updated_at
    state = replace(
        state,
        members=(*stay, Participant(event.participant_id, event.role, event.generation, joined_at=at)),
        dual_status="paired",
        pairing=Pairing(event.pairing_generation, expires_at),
    )
    return replace(state, play=play.with_newcomer(state.play, state.present))


def _ended(pairing: Pairing | None, at: datetime) -> Pairing | None:
    return None if pairing is None else replace(pairing, ended_at=at)


def _at_end(state: SessionState, end: Lifecycle, reason: str, at: datetime) -> SessionState:
    return replace(state, state=move(state.state, end), ended_at=at, end_reason=reason)
