"""Message type -> handler, and the phones' commands that gateways pass on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from pydantic import ValidationError

from session_api.sessions.api import to_problem
from session_api.sessions.domain.decider import Refusal
from session_api.sessions.domain.views import view_event
from session_api.sessions.errors import StoreUnavailable
from session_api.sessions.handlers import SessionDeps
from session_api.sessions.handlers.follow_services import (
    expire_session,
    follow_gone,
    follow_pairing,
    follow_presence,
)
from session_api.sessions.handlers.run_command import run_command
from twotop_common.contracts.cleanup_worker import ExpireSession
from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.pairing import (
    PairingCancelled,
    PairingCodeReplaced,
    PairingExpired,
    PairingMatched,
    PairingWithdrawn,
)
from twotop_common.contracts.realtime_gateway import ParticipantConnected, ParticipantGone
from twotop_common.contracts.session_log import PhoneCommand, PhoneCommandAnswer
from twotop_common.messaging.consumer import Handler
from twotop_common.service_defaults.app import trace_id
from twotop_common.service_defaults.database import looks_unavailable
from twotop_common.service_defaults.logging import get_logger
from twotop_common.service_defaults.problems import Problem, invalid_request, unavailable
from twotop_common.service_defaults.telemetry import continue_from, correlation_id, new_correlation_id, span

log = get_logger(__name__)


def message_handlers(deps: SessionDeps) -> Mapping[type[Contract], Handler]:
    """What this service does with each message it consumes."""
    pairing = partial(follow_pairing, deps)
    return {
        PairingMatched: pairing,
        PairingCodeReplaced: pairing,
        PairingExpired: pairing,
        PairingWithdrawn: pairing,
        PairingCancelled: pairing,
        ExpireSession: partial(expire_session, deps),
        ParticipantConnected: partial(follow_presence, deps),
        ParticipantGone: partial(follow_gone, deps),
    }


def phone_commands(
    deps: SessionDeps, refusing: Callable[[], bool]
) -> Callable[[bytes, Mapping[str, str]], Awaitable[bytes]]:
    """The answering side of commands that came over sockets, with the same answers and problems as HTTP."""

    async def answer(body: bytes, headers: Mapping[str, str]) -> bytes:
        try:
            command = PhoneCommand.model_validate_json(body)
        except ValidationError:
            return _refused(invalid_request("The command cannot be read."))
        correlation_id.set(command.correlationid or new_correlation_id())
        with continue_from(command.traceparent), span("phone command"):
            try:
                return (await _run(deps, command, refusing)).model_dump_json().encode()
            except Problem as problem:
                return _refused(problem)
            except (Refusal, StoreUnavailable) as error:
                return _refused(to_problem(error))
            except Exception as error:
                if looks_unavailable(error):
                    return _refused(unavailable())
                log.exception("phone_command.failed", type=command.command.type)
                return _refused(Problem(500, "internal", "Something went wrong on our side."))

    return answer


async def _run(deps: SessionDeps, command: PhoneCommand, refusing: Callable[[], bool]) -> PhoneCommandAnswer:
    if refusing():
        raise unavailable("Too much is waiting to be passed on.", retry_after_s=2)
    outcome = await run_command(
        deps,
        session_id=command.session_id,
        participant_id=command.participant_id,
        generation=command.generation,
        key=command.command_id,
        name=command.command.type,
        data=command.command.data,
        expected_seq=command.expected_seq,
    )
    return PhoneCommandAnswer(
        last_seq=outcome.last_seq,
        events=tuple(view_event(recorded) for recorded in outcome.events),
        replayed=outcome.replayed,
    )


def _refused(problem: Problem) -> bytes:
    return PhoneCommandAnswer(problem=problem.document(trace_id())).model_dump_json().encode()
