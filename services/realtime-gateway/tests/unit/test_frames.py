"""Frames: read strictly, refused with a problem, never a crash; written as the contract says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from asyncpg.pgproto import pgproto
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from realtime_gateway import schemas
from realtime_gateway.domain.presence import Sighting
from realtime_gateway.schemas import FrameRefused, read_frame
from twotop_common.contracts.session_log import EventView
from twotop_common.contracts.socket_frames import AuthFrame, CommandFrame, GatewayFrame, PingFrame
from twotop_common.service_defaults.problems import unavailable

WRITTEN: TypeAdapter[Any] = TypeAdapter(GatewayFrame)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def refusal_of(text: str) -> str | None:
    """The code with which a text is refused."""
    try:
        read_frame(text)
    except FrameRefused as refused:
        return refused.problem.code
    return None


def test_frames_of_the_contract_are_read() -> None:
    assert isinstance(read_frame('{"type":"ping"}'), PingFrame)
    auth = read_frame('{"type":"auth","credential":"x","last_seq":7,"epoch":"e","more":1}')
    assert auth == AuthFrame(type="auth", credential="x", last_seq=7, epoch="e")
    command = read_frame('{"type":"command","command_id":"c","command":{"type":"set_ready","data":{"ready":true}}}')
    assert isinstance(command, CommandFrame)
    assert command.command.data == {"ready": True}


@pytest.mark.parametrize(
    ("text", "code", "command_id"),
    [
        ("", "invalid_request", None),
        ("{", "invalid_request", None),
        ("[]", "invalid_request", None),
        ('{"type":"ping"', "invalid_request", None),
        ('{"a":"\ud83d"}'.encode("utf-8", "replace").decode(), "invalid_field", None),
        ('{"type":1}', "invalid_field", None),
        ('{"type":["ping"]}', "invalid_field", None),
        ('{"type":"shout","command_id":"c-1"}', "invalid_field", "c-1"),
        ('{"type":"auth"}', "invalid_field", None),
        ('{"type":"auth","credential":"x","last_seq":-1}', "invalid_field", None),
        ('{"type":"auth","credential":"x","last_seq":1e30}', "invalid_field", None),
        ('{"type":"command","command_id":"c-2"}', "invalid_field", "c-2"),
        ('{"type":"command","command_id":""}', "invalid_field", None),
        ('{"type":"command","command_id":"c","command":{"type":""}}', "invalid_field", "c"),
        ('{"type":"command","command_id":"c","command":{"type":"x","data":[]}}', "invalid_field", "c"),
        (
            '{"type":"command","command_id":"c","command":{"type":"x"},"expected_seq":99999999999999999999}',
            "invalid_field",
            "c",
        ),
        ('{"type":"command","command_id":"c","command":{"type":"x","data":{"a":"b\\u0000"}}}', "invalid_field", "c"),
        (
            '{"type":"command","command_id":"c","command":{"type":"x","data":{"a":[{"\\u0000":1}]}}}',
            "invalid_field",
            "c",
        ),
        ('{"type":"command","command_id":"c\\u0000","command":{"type":"x"}}', "invalid_field", None),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_problem(text: str, code: str, command_id: str | None) -> None:
    with pytest.raises(FrameRefused) as refused:
        read_frame(text)
    assert refused.value.problem.code == code
    assert refused.value.command_id == command_id


def test_a_backslash_before_the_letters_of_an_escape_is_no_nul() -> None:
    frame = read_frame('{"type":"command","command_id":"c","command":{"type":"x","data":{"a":"\\\\u0000"}}}')
    assert isinstance(frame, CommandFrame)


@given(st.text() | JSON.map(json.dumps))
def test_no_text_at_all_crashes_the_reader(text: str) -> None:
    assert refusal_of(text) in (None, "invalid_request", "invalid_field")


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["auth", "command", "ping"])},
        optional={
            "credential": JSON,
            "last_seq": JSON,
            "epoch": JSON,
            "command_id": JSON,
            "command": JSON | st.fixed_dictionaries({"type": st.text()}, optional={"data": JSON}),
            "expected_seq": JSON,
        },
    )
)
def test_no_almost_right_frame_crashes_the_reader(document: dict[str, object]) -> None:
    assert refusal_of(json.dumps(document)) in (None, "invalid_request", "invalid_field")


def test_written_frames_are_those_of_the_contract() -> None:
    session_id, participant_id = uuid4(), uuid4()
    event = EventView(seq=3, type="ready_changed", data={"n": 1}, at=datetime.now(UTC), by="system", command_id=None)
    written = [
        schemas.hello_frame(
            session_id=session_id, participant_id=participant_id, role="A", epoch="e", last_seq=1, heartbeat_s=25
        ),
        schemas.event_frame(event),
        schemas.presence_frame([Sighting(participant_id, "A", "online")]),
        schemas.rejected_frame("c", unavailable()),
        schemas.rejected_frame(None, {"code": "not_allowed"}),
        schemas.accepted_frame("c", 4),
        schemas.resync_frame(5, "e"),
        schemas.pong_frame(6),
        schemas.bye_frame("restarting"),
    ]
    kinds = [WRITTEN.validate_json(frame).type for frame in written]
    assert kinds == ["hello", "event", "presence", "rejected", "rejected", "accepted", "resync", "pong", "bye"]
    assert json.loads(schemas.event_frame(event))["event"] == event.model_dump(mode="json")


def test_who_is_named_by_the_database_can_be_shown() -> None:
    participant_id = uuid4()
    frame = schemas.presence_frame([Sighting(pgproto.UUID(str(participant_id)), "B", "gone")])
    assert json.loads(frame)["participants"][0]["participant_id"] == str(participant_id)
