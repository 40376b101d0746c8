"""Frames of the socket: what phones send, read strictly; what they are sent, encoded once.

Their shapes are contracts (``twotop_common.contracts.socket_frames``); here they are read and written fast.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

import orjson
from pydantic import ValidationError

from realtime_gateway.domain.presence import Sighting
from twotop_common.contracts.session_log import EventView
from twotop_common.contracts.socket_frames import AuthFrame, CommandFrame, PingFrame
from twotop_common.service_defaults.problems import Problem, invalid_field, invalid_request

MAX_SEQ = 2**53 - 1


ClientFrame = AuthFrame | CommandFrame | PingFrame
_FRAMES: dict[str, type[AuthFrame] | type[CommandFrame]] = {"auth": AuthFrame, "command": CommandFrame}
PING = PingFrame(type="ping")


class FrameRefused(Exception):
    """A frame that cannot be used, with the command id if it could be read."""

    def __init__(self, problem: Problem, command_id: str | None = None) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.command_id = command_id


def read_frame(text: str) -> ClientFrame:
    """One frame from a phone. Raises FrameRefused, whatever the text is."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise FrameRefused(invalid_request("The frame is not JSON.")) from None
    if not isinstance(document, dict):
        raise FrameRefused(invalid_request("The frame is not an object."))
    kind = document.get("type")
    if kind == "ping":
        return PING
    command_id = _readable_id(document.get("command_id"))
    model = _FRAMES.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise FrameRefused(invalid_field("type", "unknown kind of frame"), command_id)
    # A text that PostgreSQL cannot store is refused here, not after a round trip.
    if "\\u0000" in text and _holds_nul(document):
        raise FrameRefused(invalid_field("command", "U+0000 is not allowed"), command_id)
    try:
        frame = model.model_validate(document)
    except ValidationError as error:
        raise FrameRefused(_problem_of(error), command_id) from None
    field, number = (
        ("last_seq", frame.last_seq) if isinstance(frame, AuthFrame) else ("expected_seq", frame.expected_seq)
    )
    if number is not None and number > MAX_SEQ:
        raise FrameRefused(invalid_field(field, "too large"), command_id)
    return frame


def _readable_id(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= 255 and "\0" not in value else None


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or _holds_nul(inner) for key, inner in value.items())
    if isinstance(value, list):
        return any(_holds_nul(inner) for inner in value)
    return False


def _problem_of(error: ValidationError) -> Problem:
    errors = [
        {"field": ".".join(str(part) for part in fault["loc"]), "reason": fault["msg"]}
        for fault in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    return Problem(422, "invalid_field", "A field of the frame cannot be accepted.", extra={"errors": errors})


def hello_frame(
    *, session_id: UUID, participant_id: UUID, role: str, epoch: str, last_seq: int, heartbeat_s: float
) -> bytes:
    """The phone is admitted; missed and new events follow."""
    return orjson.dumps(
        {
            "type": "hello",
            "session_id": session_id,
            "participant_id": participant_id,
            "role": role,
            "epoch": epoch,
            "last_seq": last_seq,
            "heartbeat_s": heartbeat_s,
        }
    )


def event_frame(event: EventView) -> bytes:
    """One log event."""
    return b'{"type":"event","event":' + event.model_dump_json().encode() + b"}"


def presence_frame(sightings: Iterable[Sighting]) -> bytes:
    """Everyone who has been seen in the session."""
    # As text: orjson refuses the UUIDs of the database's driver, and who is declared gone is named by one.
    participants = [
        {"participant_id": str(seen.participant_id), "role": seen.role, "status": seen.status} for seen in sightings
    ]
    return orjson.dumps({"type": "presence", "participants": participants})


def rejected_frame(command_id: str | None, problem: Problem | dict[str, Any]) -> bytes:
    """A command (or a frame that was none) is refused, with the same problem document as over HTTP."""
    document = problem.document(uuid4().hex) if isinstance(problem, Problem) else problem
    return orjson.dumps({"type": "rejected", "command_id": command_id, "problem": document})


def accepted_frame(command_id: str, last_seq: int) -> bytes:
    """A command that changed nothing, or was a repeat: there is no new event to acknowledge it."""
    return orjson.dumps({"type": "accepted", "command_id": command_id, "last_seq": last_seq})


def resync_frame(last_seq: int, epoch: str | None) -> bytes:
    """Fetch the snapshot: the phone's numbers mean nothing here, or it has missed too much."""
    return orjson.dumps({"type": "resync", "last_seq": last_seq, "epoch": epoch})


def pong_frame(last_seq: int) -> bytes:
    """Answer to a ping, with the head as known here."""
    return orjson.dumps({"type": "pong", "last_seq": last_seq})


def bye_frame(reason: str) -> bytes:
    """Why the socket is closed."""
    return orjson.dumps({"type": "bye", "reason": reason})
