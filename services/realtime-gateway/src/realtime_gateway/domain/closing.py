"""Why a socket is closed, with the code a phone acts upon. Source: the close codes of the socket contract."""

from __future__ import annotations

from enum import Enum


class Closing(Enum):
    """``(code, reason)``. ``bye`` says the same reason; final ones tell the phone not to come back."""

    BAD_CREDENTIAL = (4401, "credential_invalid")
    NOT_REGISTERED = (4403, "not_a_participant")
    NO_SESSION = (4404, "session_not_found")
    SILENT = (4408, "silent")
    REPLACED = (4409, "replaced")
    SESSION_ENDED = (4410, "session_ended")
    TOO_LARGE = (4413, "too_large")
    TOO_FAST = (4429, "too_fast")
    TOO_SLOW = (4508, "too_slow")
    RESTARTING = (1012, "restarting")
    TRY_AGAIN = (1013, "unavailable")

    @property
    def code(self) -> int:
        return self.value[0]

    @property
    def reason(self) -> str:
        return self.value[1]


_BY_STATUS = {
    401: Closing.BAD_CREDENTIAL,
    403: Closing.NOT_REGISTERED,
    404: Closing.NO_SESSION,
    410: Closing.SESSION_ENDED,
}


def closing_for_refusal(status: int) -> Closing:
    """What the owner's HTTP answer means for the socket: final only when it clearly refuses, else "try again"."""
    return _BY_STATUS.get(status, Closing.TRY_AGAIN)
