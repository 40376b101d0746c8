"""Who gets in: a valid credential of a participant that is registered, with the current generation.

The gateway decides by its own table. A phone may be quicker than the fact that registers it, so an unknown one is held
and looked up again as soon as something arrives (the fact may have gone to another instance, hence also every
``LOOK_AGAIN_S``); after that the owner itself is asked. Only a clear refusal is final.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from realtime_gateway.domain.closing import Closing
from realtime_gateway.domain.roster import Verdict
from realtime_gateway.errors import DatabaseUnavailable, OwnerUnavailable, SocketRefused
from realtime_gateway.handlers import Handlers
from realtime_gateway.owner import Owner
from realtime_gateway.rooms import Room
from twotop_common.credentials import ParticipantClaims
from twotop_common.service_defaults.logging import get_logger

log = get_logger(__name__)

LOOK_AGAIN_S = 0.1


class Waiters:
    """Phones that are held, by session, to be woken when something is heard of it."""

    def __init__(self) -> None:
        self._events: dict[UUID, asyncio.Event] = {}

    def wake(self, session_id: UUID) -> None:
        """News about a session's roster."""
        if (event := self._events.pop(session_id, None)) is not None:
            event.set()

    async def wait(self, session_id: UUID, timeout_s: float) -> None:
        """Until the next news, or the timeout."""
        event = self._events.setdefault(session_id, asyncio.Event())
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            self._events.pop(session_id, None)


class Admission:
    """Decides about phones with a valid credential."""

    def __init__(
        self,
        handlers: Handlers,
        owner: Owner,
        waiters: Waiters,
        *,
        wait_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._handlers = handlers
        self._owner = owner
        self._waiters = waiters
        self._wait_s = wait_s
        self._clock = clock

    async def recognise(self, room: Room, claims: ParticipantClaims) -> bool:
        """Whether the phone may enter; False while nothing is known of it. Raises SocketRefused."""
        verdict = room.roster.verdict(claims.participant_id, claims.generation)
        if verdict is Verdict.UNKNOWN or not room.phones:
            # Facts that other instances consumed are only in the table.
            await self._refresh(room)
            verdict = room.roster.verdict(claims.participant_id, claims.generation)
        if verdict.closing is not None:
            raise SocketRefused(verdict.closing)
        return verdict is Verdict.ADMITTED

    async def admit(self, room: Room, claims: ParticipantClaims, credential: str) -> None:
        """Returns when a phone that was not recognised may enter. Raises SocketRefused."""
        deadline = self._clock() + self._wait_s
        while (remaining := deadline - self._clock()) > 0:
            await self._waiters.wait(claims.session_id, min(LOOK_AGAIN_S, remaining))
            if await self.recognise(room, claims):
                return
        await self._ask_owner(room, claims, credential)

    async def _refresh(self, room: Room) -> None:
        try:
            room.roster.merge(await self._handlers.load_roster(room.session_id))
        except DatabaseUnavailable as error:
            log.warning("admission.database_away", error=type(error).__name__)

    async def _ask_owner(self, room: Room, claims: ParticipantClaims, credential: str) -> None:
        try:
            generation = await self._owner.confirm(claims.session_id, credential)
        except OwnerUnavailable:
            raise SocketRefused(Closing.TRY_AGAIN) from None
        if generation > claims.generation:
            raise SocketRefused(Closing.BAD_CREDENTIAL)
        room.roster.admit(claims.participant_id, generation)
        await _quietly(
            self._handlers.register(claims.session_id, claims.participant_id, claims.role, generation, seq=0)
        )


async def _quietly(work: Awaitable[None]) -> None:
    try:
        await work
    except DatabaseUnavailable as error:
        log.warning("admission.not_registered", error=type(error).__name__)
