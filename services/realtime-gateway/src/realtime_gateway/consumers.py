"""Message type -> handler. A fact first changes the table, then what the rooms and the waiting phones know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar
from uuid import UUID

from realtime_gateway.admission import Waiters
from realtime_gateway.handlers import Handlers
from realtime_gateway.rooms import Rooms
from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.session_api import (
    FlagChanged,
    ParticipantAdmitted,
    ParticipantLeft,
    ParticipantRenewed,
    SessionCreated,
    SessionEnded,
)
from twotop_common.messaging.consumer import Handler
from twotop_common.messaging.delivery import Delivery

RosterFact = TypeVar(
    "RosterFact", SessionCreated, ParticipantAdmitted, ParticipantRenewed, ParticipantLeft, SessionEnded
)


def handlers_of(handlers: Handlers, rooms: Rooms, waiters: Waiters) -> Mapping[type[Contract], Handler]:
    """What the consumer calls for each message type."""

    async def heard(session_id: UUID, seq: int) -> None:
        room = rooms.get(session_id)
        if room is not None and room.log.cursor is not None:
            # The room follows its log: the event itself, fetched if the fan-out lost it, tells phones and closes
            # sockets. A phone that knew the event when it came was admitted ahead of the fact; it is looked at again.
            if room.log.cursor < seq:
                room.log.learn_head(seq)
                rooms.fetch_if_behind(room)
            else:
                room.roster.merge(await handlers.load_roster(session_id))
                rooms.enforce(room)
        waiters.wake(session_id)

    def following(handle: Callable[[RosterFact], Awaitable[None]]) -> Handler:
        async def follow(fact: RosterFact, delivery: Delivery) -> None:
            await handle(fact)
            await heard(fact.session_id, fact.seq)

        return follow

    async def ignore(fact: Contract, delivery: Delivery) -> None:
        """No behaviour of the gateway hangs on a flag."""

    return {
        SessionCreated: following(handlers.session_created),
        ParticipantAdmitted: following(handlers.participant_admitted),
        ParticipantRenewed: following(handlers.participant_renewed),
        ParticipantLeft: following(handlers.participant_left),
        SessionEnded: following(handlers.session_ended),
        FlagChanged: ignore,
    }
