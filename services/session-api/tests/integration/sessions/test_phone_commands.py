"""Commands that come over sockets get the same answers and problems as over HTTP."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from session_api_testing.house import House, Phone

from session_api.sessions.consumers import phone_commands
from twotop_common.contracts.session_log import PhoneCommand, PhoneCommandAnswer, PhoneCommandBody

pytestmark = pytest.mark.integration


async def ask(house: House, phone: Phone, name: str, data: dict[str, Any], **more: Any) -> PhoneCommandAnswer:
    command = PhoneCommand(
        session_id=phone.session_id,
        participant_id=phone.participant_id,
        generation=1,
        command_id=more.pop("command_id", uuid4().hex),
        command=PhoneCommandBody(type=name, data=data),
        **more,
    )
    answer = phone_commands(house.deps, lambda: False)
    return PhoneCommandAnswer.model_validate_json(await answer(command.model_dump_json().encode(), {}))


async def test_the_first_answer_and_its_repeat(house: House) -> None:
    phone = await house.start("single", context=None)
    first = await ask(house, phone, "choose_context", {"context": "mature"}, command_id="c")
    again = await ask(house, phone, "choose_context", {"context": "mature"}, command_id="c")
    assert [event.type for event in first.events] == ["context_chosen", "mature_opted_in"]
    assert (first.replayed, again.replayed, again.events) == (False, True, first.events)
    over_http = await phone.command("choose_context", {"context": "mature"}, key="c")
    assert over_http.status_code == 200


@pytest.mark.parametrize(
    ("name", "data", "more"),
    [
        ("fly", {}, {}),
        ("set_ready", {"ready": 3}, {}),
        ("set_ready", {"ready": True}, {}),
        ("choose_context", {"context": "mature"}, {"expected_seq": 9}),
    ],
)
async def test_problems_are_the_same_as_over_http(house: House, name: str, data: Any, more: Any) -> None:
    phone = await house.start()
    by_socket = await ask(house, phone, name, data, **more)
    by_http = (await phone.command(name, data, **more)).json()
    assert by_socket.problem is not None
    assert {**by_socket.problem, "trace_id": ""} == {**by_http, "trace_id": ""}


async def test_rubbish_and_congestion_are_answered(house: House) -> None:
    phone = await house.start()
    rubbish = json.loads(await phone_commands(house.deps, lambda: False)(b"{", {}))
    assert rubbish["problem"]["code"] == "invalid_request"
    command = PhoneCommand(
        session_id=phone.session_id,
        participant_id=phone.participant_id,
        generation=1,
        command_id="c",
        command=PhoneCommandBody(type="set_ready"),
    )
    body = command.model_dump_json().encode()
    congested = json.loads(await phone_commands(house.deps, lambda: True)(body, {}))
    assert (congested["problem"]["status"], congested["problem"]["code"]) == (503, "unavailable")
