"""Any order of commands, by anybody, at any time: the log folds to the state, and no invariant breaks."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from session_api_testing.builders import PHONE_A, START, created

from session_api.play.domain.commands import ChooseContext, OptInMature, SetReady
from session_api.play.domain.decks import CONTEXTS, Context
from session_api.sessions.domain import commands as c
from session_api.sessions.domain.decider import Refusal, decide, evolve, fold, record
from session_api.sessions.domain.events import SYSTEM, Mode, Recorded
from session_api.sessions.domain.facts import facts_of
from session_api.sessions.domain.lifecycle import ENDED
from session_api.sessions.domain.state import SessionState, from_document, to_document
from session_api.sessions.errors import REFUSALS
from twotop_common.contracts.session_api import ParticipantAdmitted, ParticipantLeft, SessionEnded

GENERATIONS = st.integers(1, 4)


class SessionMachine(RuleBasedStateMachine):
    """Two phones, partners that come and go, and the other services' facts, in any order and more than once."""

    @initialize(mode=st.sampled_from(["single", "dual"]), context=st.sampled_from([None, *CONTEXTS]))
    def start(self, mode: Mode, context: Context | None) -> None:
        first = created(mode, context)
        self.log: list[Recorded] = [first]
        self.state: SessionState = evolve(None, first)
        self.now = START
        self.partners: list[UUID] = []
        self.told_present: set[UUID] = {PHONE_A}
        self.ends_told = 0
        self.refusals: list[Refusal] = []

    def send(self, command: c.Command, actor: UUID | None) -> None:
        before = self.state
        try:
            decided = decide(before, command, actor)
        except Refusal as refused:
            self.refusals.append(refused)
            return
        recorded = record(before, decided, self.now, SYSTEM if actor is None else str(actor), None)
        for entry in recorded:
            self.state = evolve(self.state, entry)
        self.log.extend(recorded)
        for fact in facts_of(before, before.updated_at, recorded, self.state, self.now):
            match fact:
                case ParticipantAdmitted():
                    self.told_present.add(fact.participant_id)
                case ParticipantLeft():
                    self.told_present.discard(fact.participant_id)
                case SessionEnded():
                    self.ends_told += 1

    def phone(self, number: int) -> UUID:
        return PHONE_A if number == 0 or not self.partners else self.partners[-number % len(self.partners)]

    @rule(seconds=st.integers(-5, 400))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(number=st.integers(0, 2), context=st.sampled_from(CONTEXTS))
    def choose(self, number: int, context: Context) -> None:
        self.send(ChooseContext(context), self.phone(number))

    @rule(number=st.integers(0, 2), ready=st.booleans())
    def ready(self, number: int, ready: bool) -> None:
        self.send(SetReady(ready), self.phone(number))

    @rule(number=st.integers(0, 2), command=st.sampled_from([OptInMature(), c.RenewCredential(), c.Leave()]))
    def own_place(self, number: int, command: c.Command) -> None:
        self.send(command, self.phone(number))

    @rule(generation=GENERATIONS)
    def partner_matched(self, generation: int) -> None:
        partner = uuid4()
        self.partners.append(partner)
        self.send(c.AdmitPartner(partner, 1, generation), None)

    @rule(generation=GENERATIONS)
    def partner_matched_again(self, generation: int) -> None:
        if self.partners:
            self.send(c.AdmitPartner(self.partners[-1], 1, generation), None)

    @rule(generation=GENERATIONS)
    def code_replaced(self, generation: int) -> None:
        self.send(c.ReplacePairingCode(generation, self.now + timedelta(minutes=10)), None)

    @rule(generation=GENERATIONS, command=st.sampled_from(["expired", "withdrawn", "cancelled"]))
    def code_ended(self, generation: int, command: str) -> None:
        if command == "cancelled":
            self.send(c.CancelPairing(generation), None)
        else:
            self.send(c.EndPairingCode(generation, "expired" if command == "expired" else "withdrawn"), None)

    @rule(number=st.integers(0, 2), by_limit=st.booleans(), really=st.integers(0, 5))
    def end(self, number: int, by_limit: bool, really: int) -> None:
        if really == 0:
            self.send(c.EndAtLimit("idle") if by_limit else c.EndSession(), None if by_limit else self.phone(number))

    @invariant()
    def the_log_folds_to_the_state(self) -> None:
        assert fold(self.log) == self.state
        assert [entry.seq for entry in self.log] == list(range(1, len(self.log) + 1))
        assert all(a.at <= b.at for a, b in zip(self.log, self.log[1:], strict=False))

    @invariant()
    def refusals_have_a_code_and_not_allowed_a_reason(self) -> None:
        for refused in self.refusals:
            assert refused.code in REFUSALS
            assert (refused.reason is not None) == (refused.code == "not_allowed")

    @invariant()
    def the_stored_state_is_the_state(self) -> None:
        assert from_document(to_document(self.state)) == self.state

    @invariant()
    def at_most_two_phones_of_which_one_is_a(self) -> None:
        roles = [member.role for member in self.state.members if member.present]
        assert roles.count("A") == 1
        assert roles.count("B") <= 1
        assert len(roles) <= 2

    @invariant()
    def the_ritual_belongs_to_phones_that_are_present(self) -> None:
        play, present = self.state.play, self.state.present
        assert play.ready <= present
        assert play.opted_in <= present
        if play.both_ready:
            assert play.ready == present
            assert play.context is not None
        if play.context == "mature":
            assert play.ready <= play.opted_in

    @invariant()
    def dual_status_fits_the_mode(self) -> None:
        if self.state.mode == "single":
            assert self.state.dual_status == "none"
            assert self.state.present == {PHONE_A}
        if self.state.dual_status == "paired":
            assert self.state.mode == "dual"

    @invariant()
    def others_are_told_who_is_here_and_of_one_end(self) -> None:
        assert self.told_present == self.state.present
        assert self.ends_told == (1 if self.state.state in ENDED else 0)

    @invariant()
    def a_live_session_has_a_limit_within_its_absolute_one(self) -> None:
        if self.state.state not in ENDED:
            assert self.state.due(self.now).at <= self.state.created_at + timedelta(hours=24)


SessionMachine.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestSessionMachine = SessionMachine.TestCase
