"""One admitted socket. Kept small: thousands of these are idle at any time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from uuid import UUID

from realtime_gateway.domain.limits import TokenBucket
from realtime_gateway.domain.log_order import PhoneLog
from realtime_gateway.wire import Wire
from twotop_common.contracts.session_log import EventView
from twotop_common.contracts.socket_frames import CommandFrame
from twotop_common.credentials import ParticipantClaims


@dataclass(slots=True, eq=False)
class Delivered:
    """An event with its frame, which is encoded once for all phones."""

    event: EventView
    frame: bytes


@dataclass(slots=True, eq=False)
class Phone:
    """A participant's socket. ``commands`` holds those waiting behind the one in flight."""

    wire: Wire
    claims: ParticipantClaims
    credential: str
    connection: int
    log: PhoneLog[Delivered]
    bucket: TokenBucket
    commands: deque[CommandFrame] | None = None
    must_resync: bool = False

    @property
    def participant_id(self) -> UUID:
        return self.claims.participant_id

    @property
    def session_id(self) -> UUID:
        return self.claims.session_id
