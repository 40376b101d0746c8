"""A phone's command, the same over HTTP and over a socket (R4)."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import orjson

from session_api.play.domain.commands import WISHES
from session_api.presence.domain import Waiting
from session_api.sessions.domain.commands import InvalidCommand, UnknownCommand, parse_phone_command
from session_api.sessions.domain.views import view_state
from session_api.sessions.errors import invalid_command, seq_conflict, unknown_command
from session_api.sessions.handlers import SessionDeps
from session_api.sessions.log import Outcome, Request, SeqConflict
from twotop_common.service_defaults.problems import invalid_field


async def run_command(
    deps: SessionDeps,
    *,
    session_id: UUID,
    participant_id: UUID,
    generation: int,
    key: str,
    name: str,
    data: dict[str, Any],
    expected_seq: int | None,
) -> Outcome:
    """What the command caused. ``key`` makes a repeat a repeat and names the command in its events.

    A wish is logged before anybody asks who is there: if the partner is absent, it takes effect a moment later.

    Raises Refusal, StoreUnavailable, or a Problem: ``unknown_command``, ``invalid_field``, ``seq_conflict``,
    ``session_not_found``, ``idempotency_mismatch``.
    """
    try:
        command = parse_phone_command(name, data)
    except UnknownCommand:
        raise unknown_command(name) from None
    except InvalidCommand as invalid:
        raise invalid_command(invalid) from None
    request = Request(
        session_id=session_id,
        key=key,
        body_hash=_fingerprint(name, data),
        command=command,
        participant_id=participant_id,
        generation=generation,
        command_id=key,
        expected_seq=expected_seq,
    )
    try:
        outcome = await deps.log.execute(request)
    except SeqConflict as conflict:
        raise seq_conflict(
            {"last_seq": conflict.state.last_seq, "state": view_state(conflict.state, participant_id)}
        ) from None
    if isinstance(command, WISHES) and outcome.state.awaited:
        deps.waiting_wishes.add(Waiting(session_id, outcome.state.awaited, outcome.state.arrivals))
    return outcome


def _fingerprint(name: str, data: dict[str, Any]) -> bytes:
    """Equal for equal commands. Raises ``invalid_field`` for data that is nested too deeply or has too long numbers."""
    try:
        return hashlib.sha256(orjson.dumps([name, data], option=orjson.OPT_SORT_KEYS)).digest()
    except orjson.JSONEncodeError:
        raise invalid_field("data", "is nested too deeply, or has an integer of more than 64 bits") from None
