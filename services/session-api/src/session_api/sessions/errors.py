"""What can go wrong with a session, each with its stable code, and how the rules' refusals become problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from session_api.sessions.domain.commands import InvalidCommand
from session_api.sessions.domain.decider import Refusal
from twotop_common.service_defaults.problems import Problem


class StoreUnavailable(Exception):
    """The database cannot be reached; whether the append happened is told by its key."""


REFUSALS: Mapping[str, tuple[int, str]] = {
    "session_closed": (410, "The session has ended."),
    "session_expired": (410, "The session has run out."),
    "not_a_participant": (403, "This phone has no place in the session."),
    "credential_invalid": (401, "The credential was renewed since."),
    "not_allowed": (409, "Not possible now."),
}


def refused(refusal: Refusal) -> Problem:
    """The rules refuse it now."""
    status, detail = REFUSALS[refusal.code]
    extra = {} if refusal.reason is None else {"reason": refusal.reason}
    return Problem(status, refusal.code, detail, extra=extra)


def session_not_found() -> Problem:
    return Problem(404, "session_not_found", "There is no such session.")


def credential_invalid() -> Problem:
    return Problem(401, "credential_invalid", "The credential is missing or not genuine.")


def credential_expired() -> Problem:
    return Problem(401, "credential_expired", "The credential is no longer valid.")


def not_a_participant() -> Problem:
    return Problem(403, "not_a_participant", "This phone has no place in the session.")


def table_mismatch() -> Problem:
    return Problem(409, "table_mismatch", "The table is not the one that was meant.")


def table_session_limit() -> Problem:
    return Problem(
        429, "table_session_limit", "Too many sessions are live at this table.", headers={"Retry-After": "60"}
    )


def mode_unavailable() -> Problem:
    return Problem(422, "mode_unavailable", "This way of sharing a table is not offered.")


def pairing_disabled() -> Problem:
    return Problem(503, "pairing_disabled", "Two-phone sessions are switched off now.", headers={"Retry-After": "300"})


def seq_conflict(current: dict[str, Any]) -> Problem:
    return Problem(409, "seq_conflict", "The session has moved on.", extra={"current": current})


def unknown_command(name: str) -> Problem:
    return Problem(422, "unknown_command", f"There is no command {name[:64]!r}.")


def invalid_command(invalid: InvalidCommand) -> Problem:
    errors = [{"field": f"data.{field}", "reason": reason} for field, reason in invalid.errors]
    return Problem(422, "invalid_field", "The command's data does not fit.", extra={"errors": errors})
