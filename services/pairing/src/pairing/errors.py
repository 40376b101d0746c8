"""What can go wrong, each with its stable code. A wrong code says the same whatever exists."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from pairing.domain import Refusal, Verdict
from twotop_common.service_defaults.problems import Problem, unavailable


def code_invalid() -> Problem:
    return Problem(404, "code_invalid", "No phone at this table waits with this code.")


def code_expired() -> Problem:
    return Problem(410, "code_expired", "This code is no longer valid. Ask for a new one.")


def already_paired() -> Problem:
    return Problem(409, "already_paired", "This session has its two phones already.")


def session_closed() -> Problem:
    return Problem(410, "session_closed", "The session has ended.")


def session_expired() -> Problem:
    return Problem(410, "session_expired", "The session has run out.")


def pairing_disabled() -> Problem:
    return Problem(503, "pairing_disabled", "Pairing two phones is switched off.", headers={"Retry-After": "60"})


def too_many_attempts(seconds_left: float) -> Problem:
    """``seconds_left`` until the table's next service day."""
    return Problem(
        429,
        "too_many_attempts",
        "Too many wrong codes at this table today. The join link still works.",
        headers={"Retry-After": str(max(1, math.ceil(seconds_left)))},
    )


def credential_invalid() -> Problem:
    return Problem(401, "credential_invalid", "The credential is missing, not genuine, or was renewed since.")


def credential_expired() -> Problem:
    return Problem(401, "credential_expired", "The credential is no longer valid.")


def not_a_participant() -> Problem:
    return Problem(403, "not_a_participant", "This phone has no place in the session.")


def only_the_first_phone() -> Problem:
    return Problem(
        403, "not_allowed", "Only the phone that opened the session may do this.", extra={"reason": "only_a_invites"}
    )


def not_in_a_group() -> Problem:
    return Problem(409, "not_allowed", "A group has no pairing code.", extra={"reason": "group"})


def not_known_yet() -> Problem:
    return unavailable("The session is not known here yet. Try again shortly.")


def view_is_behind() -> Problem:
    return unavailable("New codes are not known here at the moment. Try again shortly.")


VERDICTS: Mapping[Verdict, Callable[[], Problem]] = {
    Verdict.ALREADY_PAIRED: already_paired,
    Verdict.EXPIRED: code_expired,
    Verdict.SESSION_CLOSED: session_closed,
    Verdict.SESSION_EXPIRED: session_expired,
}
"""Verdicts that answer at once. ``UNKNOWN`` is looked at again, ``REDEEM`` is no problem."""

REFUSALS: Mapping[Refusal, Callable[[], Problem]] = {
    Refusal.ALREADY_PAIRED: already_paired,
    Refusal.SESSION_CLOSED: session_closed,
    Refusal.SESSION_EXPIRED: session_expired,
    Refusal.GROUP: not_in_a_group,
}
