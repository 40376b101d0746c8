"""Commands as phones send them."""

from __future__ import annotations

from typing import Any

import pytest

from session_api.play.domain.commands import ChooseContext, SetReady
from session_api.sessions.domain.commands import InvalidCommand, UnknownCommand, parse_phone_command


def test_commands_are_read_and_unknown_fields_ignored() -> None:
    assert parse_phone_command("choose_context", {"context": "mature", "extra": 1}) == ChooseContext("mature")
    assert parse_phone_command("set_ready", {"ready": True}) == SetReady(True)


@pytest.mark.parametrize(
    ("name", "data", "field"),
    [
        ("choose_context", {"context": "casual"}, "context"),
        ("choose_context", {}, "context"),
        ("set_ready", {"ready": 1}, "ready"),
        ("set_ready", {"ready": None}, "ready"),
    ],
)
def test_data_that_does_not_fit_names_its_field(name: str, data: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidCommand) as invalid:
        parse_phone_command(name, data)
    assert [error[0] for error in invalid.value.errors] == [field]


@pytest.mark.parametrize("name", ["", "admit_partner", "__class__", "request_next "])
def test_only_phones_own_commands_have_a_name(name: str) -> None:
    with pytest.raises(UnknownCommand):
        parse_phone_command(name, {})
