"""Commands from sockets: to session-api over the broker, one at a time per socket, answered like over HTTP.

A phone's own event, which carries its ``command_id``, is the acknowledgement. Where there is none (nothing changed, or
a repeat) it is told ``accepted``. What cannot be carried out now is ``rejected`` with 503 and sent again by the phone
under the same ``command_id``, which makes a repeat harmless.
"""

from __future__ import annotations

import time
from collections import deque

from pydantic import ValidationError

from realtime_gateway import metrics
from realtime_gateway.domain.limits import MAX_QUEUED_COMMANDS
from realtime_gateway.phone import Phone
from realtime_gateway.rooms import Room, Rooms
from realtime_gateway.schemas import accepted_frame, rejected_frame
from twotop_common.contracts.session_log import PHONE_COMMAND_QUEUE, PhoneCommand, PhoneCommandAnswer
from twotop_common.contracts.socket_frames import CommandFrame
from twotop_common.messaging.rpc import RpcClient, RpcTimeout, RpcUnavailable
from twotop_common.service_defaults.logging import get_logger
from twotop_common.service_defaults.problems import Problem, rate_limited, unavailable
from twotop_common.service_defaults.telemetry import SpanKind, correlation_id, inject, new_correlation_id, span

log = get_logger(__name__)


class Commands:
    """Carries commands to their owner."""

    def __init__(self, rpc: RpcClient, rooms: Rooms, *, timeout_s: float) -> None:
        self._rpc = rpc
        self._rooms = rooms
        self._timeout_s = timeout_s

    def submit(self, room: Room, phone: Phone, frame: CommandFrame) -> None:
        """Carry out a command, behind those of the same phone that came before."""
        if phone.commands is None:
            phone.commands = deque((frame,))
            self._rooms.start(self._work(room, phone))
        elif len(phone.commands) < MAX_QUEUED_COMMANDS:
            phone.commands.append(frame)
        else:
            self._reject(phone, frame.command_id, rate_limited(1))

    async def _work(self, room: Room, phone: Phone) -> None:
        try:
            while phone.commands:
                await self._carry_out(room, phone, phone.commands[0])
                phone.commands.popleft()
        finally:
            phone.commands = None

    async def _carry_out(self, room: Room, phone: Phone, frame: CommandFrame) -> None:
        started = time.perf_counter()
        token = correlation_id.set("")
        try:
            with span("socket.command", kind=SpanKind.CLIENT, attributes={"command": frame.command.type}):
                correlation_id.set(new_correlation_id())
                answer = await self._ask(phone, frame)
                self._tell(room, phone, frame.command_id, answer)
        except (RpcTimeout, RpcUnavailable, ValidationError) as error:
            log.info("command.unanswered", error=type(error).__name__)
            self._reject(phone, frame.command_id, unavailable())
        finally:
            correlation_id.reset(token)
            metrics.COMMAND_SECONDS.observe(time.perf_counter() - started)

    async def _ask(self, phone: Phone, frame: CommandFrame) -> PhoneCommandAnswer:
        if not self._rpc.connected:
            raise RpcUnavailable
        command = PhoneCommand(
            session_id=phone.session_id,
            participant_id=phone.participant_id,
            generation=phone.claims.generation,
            command_id=frame.command_id,
            command=frame.command,
            expected_seq=frame.expected_seq,
            traceparent=inject(),
            correlationid=correlation_id.get(),
        )
        body = await self._rpc.call(PHONE_COMMAND_QUEUE, command.model_dump_json().encode(), timeout_s=self._timeout_s)
        return PhoneCommandAnswer.model_validate_json(body)

    def _tell(self, room: Room, phone: Phone, command_id: str, answer: PhoneCommandAnswer) -> None:
        if answer.problem is not None:
            metrics.COMMANDS.labels("refused").inc()
            phone.wire.push(rejected_frame(command_id, answer.problem))
            return
        # The answer is often here before the hint; whichever is first delivers the events to everybody in the room.
        self._rooms.take(room, answer.events, head=answer.last_seq or 0)
        if answer.replayed or not answer.events:
            metrics.COMMANDS.labels("repeated").inc()
            phone.wire.push(accepted_frame(command_id, answer.last_seq or room.head))
        else:
            metrics.COMMANDS.labels("accepted").inc()

    def _reject(self, phone: Phone, command_id: str, problem: Problem) -> None:
        metrics.COMMANDS.labels(problem.code).inc()
        phone.wire.push(rejected_frame(command_id, problem))
