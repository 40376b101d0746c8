"""What may be asked of a session: by phones (parsed from the wire), by their admission, and by the other services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from session_api.play.domain import commands as play


@dataclass(frozen=True, slots=True)
class EndSession:
    pass


@dataclass(frozen=True, slots=True)
class Leave:
    """A participant gives up its own place."""


@dataclass(frozen=True, slots=True)
class RenewCredential:
    pass


@dataclass(frozen=True, slots=True)
class AdmitPartner:
    """Pairing matched a second phone on this generation of the code."""

    participant_id: UUID
    credential_generation: int
    pairing_generation: int


@dataclass(frozen=True, slots=True)
class ReplacePairingCode:
    generation: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class EndPairingCode:
    generation: int
    reason: Literal["expired", "withdrawn"]


@dataclass(frozen=True, slots=True)
class CancelPairing:
    generation: int


@dataclass(frozen=True, slots=True)
class EndAtLimit:
    """A limit of the session's life is reached; ``limit`` names it."""

    limit: str


PhoneCommand = play.PlayCommand | EndSession
ParticipantCommand = PhoneCommand | Leave | RenewCredential
SystemCommand = AdmitPartner | ReplacePairingCode | EndPairingCode | CancelPairing | EndAtLimit | play.ReleaseWishes
Command = ParticipantCommand | SystemCommand

PHONE_COMMANDS: dict[str, type[PhoneCommand]] = {
    "choose_context": play.ChooseContext,
    "opt_in_mature": play.OptInMature,
    "set_ready": play.SetReady,
    "request_next": play.RequestNext,
    "withdraw_next": play.WithdrawNext,
    "previous": play.Previous,
    "skip": play.Skip,
    "reveal": play.Reveal,
    "give_answer": play.GiveAnswer,
    "start_afresh": play.StartAfresh,
    "end_session": EndSession,
}

_ADAPTERS: dict[str, TypeAdapter[PhoneCommand]] = {name: TypeAdapter(cls) for name, cls in PHONE_COMMANDS.items()}


class UnknownCommand(Exception):
    """No command has this name."""


class InvalidCommand(Exception):
    """The command's data does not fit. ``errors`` are (field, reason) pairs."""

    def __init__(self, errors: list[tuple[str, str]]) -> None:
        super().__init__(str(errors))
        self.errors = errors


def parse_phone_command(name: str, data: dict[str, Any]) -> PhoneCommand:
    """The command a phone sent. Unknown fields are ignored. Raises UnknownCommand, InvalidCommand."""
    adapter = _ADAPTERS.get(name)
    if adapter is None:
        raise UnknownCommand(name)
    try:
        return adapter.validate_python(data)
    except ValidationError as invalid:
        raise InvalidCommand(
            [(".".join(str(part) for part in error["loc"]), error["msg"]) for error in invalid.errors()]
        ) from invalid
