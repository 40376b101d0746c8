"""Joining by the code that a guest types: six letters, so guessing has to be expensive.

Invariants
- Typed codes at one table are tried one after another, also across instances: each try holds the table's place. A try
  that matches nothing is counted in that same transaction, before the next is looked at, so a thousand guesses at once
  are worth no more than a thousand in a row.
- An unknown code is looked at again for 300 ms, or for as long as our view lags (2 s at most). If it turns up, or if
  our view of the sessions turns out to be behind, the count is taken back; only then is a code with five wrong tries
  withdrawn. A process that dies in between leaves the try counted, and the housekeeping withdraws what is exhausted.
- While our view is behind a try cannot be called wrong. A few of them a day are looked at; further ones are not, and
  learn nothing.
- A table of which nothing is known counts like any other, so that counting does not tell where somebody sits.
- What can be no code of this table is not counted: other letters, another length, another restaurant.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from pairing.domain import (
    UNKNOWN_PLACE_HOUR,
    UNKNOWN_PLACE_ZONE,
    UNSURE_TRIES_PER_DAY,
    WRONG_TRIES_PER_DAY,
    Offer,
    Place,
    Tries,
    Verdict,
    judge,
)
from pairing.errors import VERDICTS, code_invalid, too_many_attempts, view_is_behind
from pairing.handlers.redeem import Redemption, answer_again, joined, leaving_of, redeem
from pairing.handlers.surroundings import LOOK_AGAIN_EVERY_S, Surroundings, claim
from pairing.handlers.withdraw import publish_withdrawn
from pairing.queries import answers, guards, pairings, places
from pairing.queries.answers import Answer, RequestKey, State
from pairing.schemas import JoinDual, Joined
from twotop_common.hashed_codes import candidate_hashes, normalise_code
from twotop_common.service_day import service_day, service_day_end


@dataclass(frozen=True, slots=True)
class _Counted:
    """What a try was counted as when it was first looked at. Nothing may have been known of its place then."""

    place: Place | None
    day: date
    codes: tuple[guards.Code, ...]
    unsure: bool


async def join_by_code(surroundings: Surroundings, request: JoinDual, typed: str, key: RequestKey | None) -> Joined:
    """See ``join_dual``. Whatever is unknown gives one and the same answer, after the same time."""
    code = normalise_code(typed)
    if code is None:
        raise code_invalid()
    attempt = _Attempt(surroundings, request, code, key)
    began = time.monotonic()
    answer = await attempt.look()
    while answer is None and surroundings.may_still_arrive(began):
        await asyncio.sleep(LOOK_AGAIN_EVERY_S)
        answer = await attempt.look()
    return answer or await attempt.give_up()


class _Attempt:
    """One typed code on its way to an answer. ``counted`` is set once it has been compared with the table's codes."""

    def __init__(self, surroundings: Surroundings, request: JoinDual, code: str, key: RequestKey | None) -> None:
        self.surroundings = surroundings
        self.request = request
        self.code = code
        self.key = key
        self.leaving = leaving_of(surroundings, request)
        self.counted: _Counted | None = None

    async def look(self) -> Joined | None:
        """The answer, or None while the code is unknown."""
        around = self.surroundings
        async with around.turnstile.one_at_a_time(self.request.table_token), around.sessions() as session:
            if self.counted is None:
                return await self._look_first(session)
            return await self._look_again(session, self.counted)

    async def give_up(self) -> Joined:
        """The code stayed unknown: it was wrong, unless our view is behind."""
        around = self.surroundings
        async with around.turnstile.one_at_a_time(self.request.table_token), around.sessions() as session:
            counted = self.counted
            if counted is None:
                raise code_invalid() if around.fresh() else view_is_behind()
            answer = await self._look_again(session, counted)
            if answer is not None:
                return answer
            counted = self.counted or counted
            await places.hold_place(session, self.request.table_token)
            if not around.fresh():
                await self._undo(session, counted, unsure=True)
                await session.commit()
                raise view_is_behind()
            withdrawn = await self._settle(session, counted, around.now())
            await session.commit()
        if withdrawn:
            around.wake()
        raise code_invalid()

    async def _look_first(self, session: AsyncSession) -> Joined | None:
        around = self.surroundings
        now = around.now()
        earlier = await claim(session, self.key, now)
        if earlier is not None:
            return await answer_again(around, session, earlier)
        place = await places.hold_place(session, self.request.table_token)
        if place is None:
            await self._count_nowhere(session, now)
            return None
        if not all(place.fits(location) for location in self.request.locations()):
            raise code_invalid()
        # The clock is read again: this try may have waited for the table.
        now = around.now()
        day = service_day(now, place.timezone, place.day_starts_at_hour)
        offers, tries = await self._find(session, place, day)
        if tries.wrong >= WRONG_TRIES_PER_DAY:
            day_end = service_day_end(now, place.timezone, place.day_starts_at_hour)
            raise too_many_attempts((day_end - now).total_seconds())
        unsure = not around.fresh()
        if unsure and tries.unsure >= UNSURE_TRIES_PER_DAY:
            raise view_is_behind()
        verdict, redemption = await self._judge(session, place, day, offers, now)
        if redemption is not None:
            await session.commit()
            return joined(around, redemption)
        if verdict in VERDICTS:
            raise VERDICTS[verdict]()
        codes: tuple[guards.Code, ...] = ()
        if unsure:
            await guards.count_unsure(session, place, day)
        else:
            codes = tuple(await guards.count_wrong(session, place, day, now))
        await session.commit()
        self.counted = _Counted(place, day, codes, unsure)
        return None

    async def _count_nowhere(self, session: AsyncSession, now: datetime) -> None:
        if not self.surroundings.fresh():
            return
        day = service_day(now, UNKNOWN_PLACE_ZONE, UNKNOWN_PLACE_HOUR)
        if not await guards.count_nowhere(session, self.request.table_token, day):
            day_end = service_day_end(now, UNKNOWN_PLACE_ZONE, UNKNOWN_PLACE_HOUR)
            raise too_many_attempts((day_end - now).total_seconds())
        await session.commit()
        self.counted = _Counted(None, day, (), unsure=False)

    async def _look_again(self, session: AsyncSession, counted: _Counted) -> Joined | None:
        around = self.surroundings
        place = counted.place or await places.find_place(session, self.request.table_token)
        if place is None or not all(place.fits(location) for location in self.request.locations()):
            return None
        self.counted = counted = replace(counted, place=place)
        offers, _ = await self._find(session, place, counted.day)
        if judge(offers, around.now())[0] is Verdict.UNKNOWN:
            return None
        await places.hold_place(session, place.table_token)
        offers, _ = await self._find(session, place, counted.day)
        verdict, redemption = await self._judge(session, place, counted.day, offers, around.now())
        if redemption is not None:
            await self._take_back(session, counted, unsure=False)
            await session.commit()
            return joined(around, redemption)
        if verdict in VERDICTS:
            await self._undo(session, counted, unsure=False)
            await session.commit()
            raise VERDICTS[verdict]()
        return None

    async def _judge(
        self, session: AsyncSession, place: Place, day: date, offers: Sequence[Offer], now: datetime
    ) -> tuple[Verdict, Redemption | None]:
        verdict, offer = judge(offers, now)
        if offer is None:
            return verdict, None
        redemption = await redeem(session, offer, self.key, now, leaving=self.leaving)
        if redemption is not None:
            return verdict, redemption
        # The match came too late; what was faster is there to be read now.
        offers, _ = await self._find(session, place, day)
        return judge(offers, now)[0], None

    async def _settle(self, session: AsyncSession, counted: _Counted, now: datetime) -> list[guards.Code]:
        withdrawn: list[guards.Code] = []
        place = counted.place
        if place is not None:
            if counted.unsure:
                await guards.count_wrong(session, place, counted.day, now)
            else:
                await guards.count_against_codes(session, place.table_id, now, besides=counted.codes)
            withdrawn = await guards.withdraw_exhausted(session, place.table_id)
            publish_withdrawn(session, withdrawn, now)
        if self.key is not None:
            await answers.record(session, self.key, Answer(State.WRONG, answered_at=now))
        return withdrawn

    async def _undo(self, session: AsyncSession, counted: _Counted, *, unsure: bool) -> None:
        await self._take_back(session, counted, unsure=unsure)
        if self.key is not None:
            await answers.release(session, self.key)

    async def _take_back(self, session: AsyncSession, counted: _Counted, *, unsure: bool) -> None:
        if not counted.unsure:
            await guards.take_back(session, self.request.table_token, counted.day, counted.codes, unsure=unsure)

    async def _find(self, session: AsyncSession, place: Place, day: date) -> tuple[list[Offer], Tries]:
        hashes = candidate_hashes(self.surroundings.key_ring, f"pairing-code:{place.table_id}", self.code)
        return await pairings.codes_and_tries(session, place, day, hashes)
