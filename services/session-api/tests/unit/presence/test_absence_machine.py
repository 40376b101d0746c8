"""Absence as it comes about: of sockets and requests, of facts that come late and in any order, and of time.

Promises, over what session-api has been told: A's wish takes effect as soon as B has been without a socket for 20 s,
and without one has asked for nothing for 30 s; and never earlier. Joining is a request.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from session_api_testing.builders import PHONE_A, PHONE_B, START, after, created
from session_api_testing.shelves import TestShelf

from session_api.play.domain import commands as p
from session_api.presence.domain import GONE_LIES_BACK, POLLING_COUNTS_FOR, Sighting, absentees
from session_api.sessions.domain.commands import AdmitPartner, Command
from session_api.sessions.domain.decider import decide, evolve, record
from session_api.sessions.domain.events import SYSTEM
from session_api.sessions.domain.state import SessionState

GONE_AFTER = timedelta(seconds=20)
"""After so long without a socket realtime-gateway says so."""
SECOND, MOMENT = timedelta(seconds=1), timedelta(milliseconds=1)

Fact = tuple[Literal["connected_at", "gone_at", "polled_at"], datetime]


def newer(known: datetime | None, at: datetime) -> datetime:
    return at if known is None else max(known, at)


class AbsenceMachine(RuleBasedStateMachine):
    """A, who always has a socket, and B at one game for two; B's facts on their way, and what is known of it."""

    @initialize(alone_for=st.integers(0, 100))
    def b_joins(self, alone_for: int) -> None:
        self.now = START + timedelta(seconds=alone_for)
        self.shelf = TestShelf(size=200)
        self.state: SessionState = evolve(None, created("dual", "exploring"))
        self.state = after(self.state, AdmitPartner(PHONE_B, 1, 1), at=self.now)
        self.seen: Sighting | None = None
        self.on_their_way: list[Fact] = []
        self.has_socket = False
        self.lost_at: datetime | None = None
        self.not_absent_before = self.now + POLLING_COUNTS_FOR

    # -- what B does

    @rule()
    @precondition(lambda self: not self.has_socket)
    def b_opens_a_socket(self) -> None:
        self.now += MOMENT
        self.has_socket, self.lost_at = True, None
        self.on_their_way.append(("connected_at", self.now))

    @rule()
    @precondition(lambda self: self.has_socket)
    def b_loses_its_socket(self) -> None:
        self.has_socket, self.lost_at = False, self.now
        self.not_absent_before = self.now + GONE_AFTER

    @rule()
    def b_asks_for_something(self) -> None:
        self.now += MOMENT
        if not self.has_socket:
            self.not_absent_before = max(self.not_absent_before, self.now + POLLING_COUNTS_FOR)
        self.on_their_way.append(("polled_at", self.now))

    # -- what others do

    @rule(number=st.integers(0, 5), again=st.booleans())
    @precondition(lambda self: self.on_their_way)
    def a_fact_arrives(self, number: int, again: bool) -> None:
        number %= len(self.on_their_way)
        column, at = self.on_their_way[number]
        if not again:
            del self.on_their_way[number]
        seen = self.seen or Sighting(PHONE_B, None, None, None)
        match column:
            case "connected_at":
                seen = replace(seen, connected_at=newer(seen.connected_at, at))
            case "gone_at":
                seen = replace(seen, gone_at=newer(seen.gone_at, at))
            case "polled_at":
                seen = replace(seen, polled_at=newer(seen.polled_at, at))
        self.seen = seen

    @rule()
    def every_fact_arrives(self) -> None:
        while self.on_their_way:
            self.a_fact_arrives(0, again=False)

    @rule(seconds=st.integers(1, 40))
    def time_passes(self, seconds: int) -> None:
        """A second at a time, in each of which the wishes are looked at."""
        for _ in range(seconds):
            self.now += SECOND
            if self.lost_at is not None and self.now >= self.lost_at + GONE_AFTER:
                self.on_their_way.append(("gone_at", self.lost_at + GONE_LIES_BACK))
                self.lost_at = None
            self.look()

    @rule()
    def a_gets_ready_or_wants_the_next_card(self) -> None:
        self.send(p.RequestNext() if self.state.play.both_ready else p.SetReady(True), PHONE_A)
        self.look()

    # -- what is promised

    def look(self) -> None:
        of_a = Sighting(PHONE_A, START, None, None)
        absent = absentees(self.state.arrivals, [of_a] if self.seen is None else [of_a, self.seen], self.now)
        self.send(p.ReleaseWishes(absent), None)

    def send(self, command: Command, actor: UUID | None) -> None:
        decided = decide(self.state, command, actor, shelf=self.shelf)
        before = self.state
        for entry in record(before, decided, self.now, str(actor or SYSTEM), None):
            self.state = evolve(self.state, entry)
        if self.state.play.progress != before.play.progress and not self.on_their_way:
            assert not self.has_socket
            assert self.now >= self.not_absent_before

    @invariant()
    def a_wish_waits_no_longer_than_b_is_there(self) -> None:
        if self.on_their_way:
            return
        self.look()
        if not self.has_socket and self.now >= self.not_absent_before:
            assert not self.state.awaited


TestAbsence = AbsenceMachine.TestCase
TestAbsence.settings = settings(max_examples=150, stateful_step_count=40)
