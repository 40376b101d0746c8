"""What other services tell and ask: pairing's facts, due deadlines, phones that opened a socket."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from session_api.play.domain.commands import ReleaseWishes
from session_api.sessions import queries
from session_api.sessions.domain import commands as c
from session_api.sessions.domain.decider import Refusal
from session_api.sessions.domain.lifecycle import ENDED
from session_api.sessions.errors import StoreUnavailable
from session_api.sessions.handlers import SessionDeps
from session_api.sessions.log import Request, SeqConflict
from session_api.sessions.queries import Head
from twotop_common.contracts.cleanup_worker import ExpireSession
from twotop_common.contracts.pairing import (
    PairingCancelled,
    PairingCodeReplaced,
    PairingExpired,
    PairingMatched,
    PairingWithdrawn,
)
from twotop_common.contracts.realtime_gateway import ParticipantConnected, ParticipantGone
from twotop_common.contracts.session_api import DeadlineSet, SessionEnded
from twotop_common.messaging.delivery import Delivery, TransientFailure
from twotop_common.messaging.outbox import enqueue_on, outbox_record
from twotop_common.service_defaults.problems import Problem

PairingFact = PairingMatched | PairingCodeReplaced | PairingExpired | PairingWithdrawn | PairingCancelled


async def follow_pairing(deps: SessionDeps, fact: PairingFact, delivery: Delivery) -> None:
    """Pairing is the arbiter of dual status: its facts become events. Facts of an ended session are void."""
    await _execute(deps, fact.session_id, str(delivery.message_id), _command_of(fact))


def _command_of(fact: PairingFact) -> c.SystemCommand:
    match fact:
        case PairingMatched():
            return c.AdmitPartner(fact.participant_id, fact.credential_generation, fact.generation)
        case PairingCodeReplaced():
            return c.ReplacePairingCode(fact.generation, fact.expires_at)
        case PairingExpired():
            return c.EndPairingCode(fact.generation, "expired")
        case PairingWithdrawn():
            return c.EndPairingCode(fact.generation, "withdrawn")
        case PairingCancelled():
            return c.CancelPairing(fact.generation)


async def expire_session(deps: SessionDeps, command: ExpireSession, delivery: Delivery) -> None:
    """End the session if a limit is reached; asked too early, answer with the next deadline.

    Whoever asks about a session that has ended, or that is not known any more, missed its end and is told again.
    """
    try:
        state_now = await deps.log.head(command.session_id)
    except Problem:
        await _answer(deps, _end_of_unknown(command, deps.now()))
    except StoreUnavailable as away:
        raise TransientFailure("database away") from away
    else:
        await _answer(deps, _next_word(state_now))


def _next_word(head: Head) -> DeadlineSet | SessionEnded:
    state = head.state
    if state.ended_at is None:
        return DeadlineSet(session_id=state.session_id, seq=state.last_seq, due_at=state.due(head.active_at).at)
    return SessionEnded(
        session_id=state.session_id,
        seq=state.last_seq,
        state="expired" if state.state == "expired" else "closed",
        reason=state.end_reason or "unknown",
        ended_at=state.ended_at,
    )


def _end_of_unknown(command: ExpireSession, now: datetime) -> SessionEnded:
    return SessionEnded(session_id=command.session_id, seq=1, state="expired", reason="unknown", ended_at=now)


async def _answer(deps: SessionDeps, fact: DeadlineSet | SessionEnded) -> None:
    async with deps.pool.acquire() as connection:
        await enqueue_on(connection, [outbox_record(fact, subject=str(fact.session_id), source="session-api")])
    deps.wake_relay()


async def follow_gone(deps: SessionDeps, fact: ParticipantGone, delivery: Delivery) -> None:
    """Its place stays its own, but the other phone need not wait for it any more (G4)."""
    await deps.sightings.gone(fact.session_id, fact.participant_id, fact.role, fact.gone_at)


async def release_wishes(deps: SessionDeps, session_id: UUID) -> None:
    """What one phone has asked for takes effect if the others are absent.

    Raises StoreUnavailable, Problem, SetNotLoaded.
    """
    state = (await deps.log.head(session_id)).state
    absent = await deps.sightings.absent(session_id, state.arrivals)
    if not absent & state.awaited:
        return
    request = Request(
        session_id=session_id,
        key=f"release:{state.last_seq}",
        body_hash=b"",
        command=ReleaseWishes(absent),
        expected_seq=state.last_seq,
    )
    # Whoever was faster has changed what waits: it is looked at again in a second.
    with suppress(Refusal, SeqConflict):
        await deps.log.execute(request)


async def follow_presence(deps: SessionDeps, fact: ParticipantConnected, delivery: Delivery) -> None:
    """A socket that opened is activity: it moves the idle limits (S5), and its phone has to be asked again.

    Its room may be new, and has not heard then of those who only poll.
    """
    await deps.sightings.connected(fact.session_id, fact.participant_id, fact.connected_at)
    head = await _find_head(deps, fact.session_id)
    if head is not None:
        others = [one for one in head.state.members if one.present and one.participant_id != fact.participant_id]
        if others:
            await deps.sightings.tell_of(fact.session_id, {one.participant_id: one.role for one in others})
    while head is not None and _prolongs(fact.connected_at, head):
        async with deps.pool.acquire() as connection:
            touched = await queries.touch(
                connection,
                fact.session_id,
                last_seq=head.state.last_seq,
                active_at=fact.connected_at,
                due_at=head.state.due(fact.connected_at).at,
            )
        if touched:
            deps.log.forget(fact.session_id)
            return
        head = await _find_head(deps, fact.session_id)


async def _find_head(deps: SessionDeps, session_id: UUID) -> Head | None:
    async with deps.pool.acquire() as connection:
        return await queries.find_head(connection, session_id)


def _prolongs(activity_at: datetime, head: Head) -> bool:
    if head.state.state in ENDED:
        return False
    # At its limit a session is over, also when nobody has recorded that yet.
    return head.active_at < activity_at < head.state.due(head.active_at).at


async def _execute(deps: SessionDeps, session_id: UUID, key: str, command: c.SystemCommand) -> None:
    try:
        await deps.log.execute(Request(session_id=session_id, key=key, body_hash=b"", command=command))
    except Refusal:
        return
    except Problem as problem:
        if problem.code != "session_not_found":
            raise
    except StoreUnavailable as away:
        raise TransientFailure("database away") from away
