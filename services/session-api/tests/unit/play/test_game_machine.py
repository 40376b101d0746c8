"""Two phones at one table, any interleaving, partners that drop and come back, retries: the promises of the game hold.

Promises: nobody is ever stuck, no card comes twice on the way forward, no answer is seen before both have answered.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from session_api_testing.builders import PHONE_A, START, created
from session_api_testing.shelves import TestShelf

from session_api.analytics.domain import analytics_of
from session_api.play.domain import commands as p
from session_api.play.domain import events as happened
from session_api.play.domain.decks import CONTEXTS, Context
from session_api.sessions.domain import commands as c
from session_api.sessions.domain.decider import Refusal, decide, evolve, fold, record
from session_api.sessions.domain.events import SYSTEM, Mode, Recorded
from session_api.sessions.domain.state import SessionState, from_document, to_document
from session_api.sessions.domain.views import view_event, view_state

MOVES = st.sampled_from([p.RequestNext(), p.Skip(), p.Previous(), p.WithdrawNext(), p.Reveal(), p.StartAfresh()])

ABOUT_A_CARD = st.sampled_from([p.RequestNext, p.Skip, p.Previous, p.Reveal])


class GameMachine(RuleBasedStateMachine):
    """One session with its shelf of questions and the phones that are away just now."""

    @initialize(mode=st.sampled_from(["single", "dual"]), context=st.sampled_from([None, *CONTEXTS]))
    def start(self, mode: Mode, context: Context | None) -> None:
        self.shelf = TestShelf(size=4)
        first = created(mode, context)
        self.log: list[Recorded] = [first]
        self.state: SessionState = evolve(None, first)
        self.generation = 1
        self.away: set[UUID] = set()
        self.viewed = 0

    # -- what the phones and the other services do

    def send(self, command: c.Command, actor: UUID | None) -> None:
        try:
            decided = decide(self.state, command, actor, shelf=self.shelf)
        except Refusal:
            return
        before = self.state
        recorded = record(before, decided, START + timedelta(seconds=len(self.log)), str(actor or SYSTEM), None)
        for entry in recorded:
            self.promise(before, entry)
            self.state = evolve(self.state, entry)
            self.log.append(entry)
        self.viewed += sum(one.kind == "question_viewed" for one in analytics_of(before.play, recorded, self.state))
        if self.away and isinstance(command, p.WISHES):
            self.send(p.ReleaseWishes(frozenset(self.away)), None)

    def phone(self, number: int) -> UUID:
        present = sorted(self.state.present)
        return present[number % len(present)]

    @rule(number=st.integers(0, 1), context=st.sampled_from(CONTEXTS))
    def choose(self, number: int, context: Context) -> None:
        self.send(p.ChooseContext(context), self.phone(number))

    @rule(number=st.integers(0, 1))
    def opt_in(self, number: int) -> None:
        self.send(p.OptInMature(), self.phone(number))

    @rule(number=st.integers(0, 1), ready=st.sampled_from([True, True, False]))
    def ready(self, number: int, ready: bool) -> None:
        self.send(p.SetReady(ready), self.phone(number))

    @rule()
    def both_get_ready(self) -> None:
        for number in (0, 1):
            self.send(p.OptInMature(), self.phone(number))
            self.send(p.SetReady(True), self.phone(number))

    @rule(number=st.integers(0, 1), command=MOVES, again=st.booleans())
    def ask(self, number: int, command: p.PlayCommand, again: bool) -> None:
        for _ in range(2 if again else 1):
            self.send(command, self.phone(number))

    @rule(number=st.integers(0, 1), kind=ABOUT_A_CARD)
    def ask_about_the_open_card(self, number: int, kind: type[p.CardCommand]) -> None:
        self.send(kind(self.state.play.open_question), self.phone(number))

    @rule(number=st.integers(0, 1), kind=ABOUT_A_CARD)
    def ask_about_a_card_that_is_gone(self, number: int, kind: type[p.CardCommand]) -> None:
        before = len(self.log)
        self.send(kind("long-gone"), self.phone(number))
        assert len(self.log) == before

    @rule(command=st.sampled_from([p.RequestNext(), p.Skip(), p.Previous(), p.StartAfresh()]))
    def both_ask(self, command: p.PlayCommand) -> None:
        for number in (0, 1):
            self.send(command, self.phone(number))

    @rule(number=st.integers(0, 1), answer=st.sampled_from(["left", "right", "by the sea"]), stale=st.booleans())
    def answer(self, number: int, answer: str, stale: bool) -> None:
        question = self.state.play.open_question
        self.send(p.GiveAnswer("long-gone" if stale or question is None else question, answer), self.phone(number))

    @rule(number=st.integers(0, 1))
    def goes_away(self, number: int) -> None:
        """For 20 s already: from now on the other need not wait for it."""
        self.away.add(self.phone(number))
        self.send(p.ReleaseWishes(frozenset(self.away)), None)

    @rule(number=st.integers(0, 1))
    def comes_back(self, number: int) -> None:
        self.away.discard(self.phone(number))

    @rule()
    def partner_joins(self) -> None:
        partner = UUID(int=len(self.log))
        self.send(c.AdmitPartner(partner, 1, self.generation), None)

    @rule()
    def a_new_code(self) -> None:
        self.generation += 1
        self.send(c.ReplacePairingCode(self.generation, START + timedelta(hours=9)), None)

    @rule()
    def goes_on_alone(self) -> None:
        self.send(c.CancelPairing(self.generation), None)

    @rule()
    def partner_leaves(self) -> None:
        for member in self.state.members:
            if member.role == "B" and member.present:
                self.send(c.Leave(), member.participant_id)

    @rule(context=st.sampled_from(CONTEXTS))
    def a_new_version_is_imported(self, context: Context) -> None:
        self.shelf.publish(context)

    # -- what is promised

    def promise(self, before: SessionState, entry: Recorded) -> None:
        """About one event as it happens."""
        match entry.event:
            case happened.QuestionShown() as shown:
                self.promise_order(before, shown)
            case happened.QuestionAdvanced(_, _, alone):
                assert alone <= bool(self.away & before.present)
            case happened.AnswersRevealed(question_id, answers):
                given = {one.participant_id: one.answer for one in self.answers_to_open_question()}
                assert {one.participant_id for one in answers} == before.present
                assert {one.participant_id: one.answer for one in answers}.items() <= given.items()
                assert question_id == self.state.play.open_question

    def promise_order(self, before: SessionState, shown: happened.QuestionShown) -> None:
        earlier = [
            entry.event
            for entry in self.log
            if isinstance(entry.event, happened.QuestionShown)
            and (entry.event.context, entry.event.round) == (shown.context, shown.round)
        ]
        if not earlier:
            assert shown.position == 1
            return
        assert shown.set_version == earlier[-1].set_version
        match self.log[-1].event:
            case happened.QuestionAdvanced(_, direction, _):
                step = -1 if direction == "previous" else 1
            case happened.ContextChosen() | happened.MatureOptedIn() | happened.BothReady():
                step = 0
            case _:
                # Back from the end of the deck to its last card.
                assert before.play.progress is not None
                assert before.play.progress.finished
                step = 0
        assert shown.position - earlier[-1].position == step
        by_position = {one.position: one.question_id for one in earlier}
        assert by_position.setdefault(shown.position, shown.question_id) == shown.question_id
        assert len(set(by_position.values())) == len(by_position)

    def answers_to_open_question(self) -> list[happened.AnswerGiven]:
        given: list[happened.AnswerGiven] = []
        for entry in self.log:
            match entry.event:
                case happened.QuestionShown():
                    given = []
                case happened.AnswerGiven():
                    given.append(entry.event)
        return given

    @invariant()
    def the_log_folds_to_the_state(self) -> None:
        assert fold(self.log) == self.state
        assert from_document(to_document(self.state)) == self.state

    @invariant()
    def a_question_counts_once_in_a_round_however_often_it_is_laid_open(self) -> None:
        shown = [entry.event for entry in self.log if isinstance(entry.event, happened.QuestionShown)]
        assert self.viewed == len({(one.context, one.round, one.question_id) for one in shown})

    @invariant()
    def nobody_is_stuck(self) -> None:
        """Whoever is still there can move the game on without the others, once these have been away for 20 s."""
        for phone in self.state.present:
            others = self.state.present - {phone}
            state = self.after(self.state, p.ReleaseWishes(others), None)
            if state.play.context is None or (state.play.context == "mature" and not others <= state.play.opted_in):
                state = self.alone(state, p.ChooseContext("exploring"), phone)
            if others and not state.play.both_ready:
                if state.play.context == "mature":
                    state = self.alone(state, p.OptInMature(), phone)
                state = self.alone(state, p.SetReady(True), phone)
            elif state.mode == "dual" and state.play.progress is None:
                state = self.alone(state, c.CancelPairing(self.generation), None)
            progress = state.play.progress
            wanted: p.PlayCommand = p.StartAfresh() if progress is not None and progress.finished else p.RequestNext()
            assert self.alone(state, wanted, phone).play.progress != progress

    def alone(self, state: SessionState, command: c.Command, actor: UUID | None) -> SessionState:
        """The state after a command while everybody else is away."""
        state = self.after(state, command, actor)
        return state if actor is None else self.after(state, p.ReleaseWishes(state.present - {actor}), None)

    def after(self, state: SessionState, command: c.Command, actor: UUID | None) -> SessionState:
        for entry in record(state, decide(state, command, actor, shelf=self.shelf), START, str(actor or SYSTEM), None):
            state = evolve(state, entry)
        return state

    @invariant()
    def what_waits_is_released_by_the_absence_of_those_it_waits_for_and_of_no_other(self) -> None:
        for phone in self.state.present:
            released = decide(self.state, p.ReleaseWishes(frozenset({phone})), None, shelf=self.shelf)
            assert bool(released) == (phone in self.state.awaited)
        for nobody_or_all in (frozenset[UUID](), self.state.present):
            assert not decide(self.state, p.ReleaseWishes(nobody_or_all), None, shelf=self.shelf)

    @invariant()
    def two_who_are_there_can_always_begin(self) -> None:
        if self.state.play.both_ready or len(self.state.present) < 2 or self.state.play.context is None:
            return
        state = self.state
        for phone in sorted(state.present):
            for command in (p.OptInMature(), p.SetReady(True)):
                if isinstance(command, p.OptInMature) and state.play.context != "mature":
                    continue
                decided = decide(state, command, phone, shelf=self.shelf)
                for entry in record(state, decided, START, str(phone), None):
                    state = evolve(state, entry)
        assert state.play.both_ready
        assert state.play.progress is not None

    @invariant()
    def no_answer_is_seen_early(self) -> None:
        for entry in self.log:
            if isinstance(entry.event, happened.AnswerGiven):
                assert "answer" not in view_event(entry).data
        play = self.state.play
        for phone in self.state.present:
            seen = view_state(self.state, phone)["play"]["answers"]
            if not play.revealed:
                assert all(one["participant_id"] == str(phone) for one in seen)

    @invariant()
    def mature_questions_need_every_phone(self) -> None:
        play = self.state.play
        if play.context == "mature" and play.both_ready:
            assert self.state.present <= play.opted_in
        for phone in self.state.present:
            card = view_state(self.state, phone)["play"]["question"]
            assert card is None or card["context"] != "mature" or phone in play.opted_in

    @invariant()
    def wishes_and_answers_belong_to_phones_that_are_here(self) -> None:
        play, present = self.state.play, self.state.present
        assert {wish.participant_id for wish in play.wishes} <= present
        assert {answer.participant_id for answer in play.answers} <= present
        if len(present) == 1 and PHONE_A in present:
            assert not play.wishes


TestGame = GameMachine.TestCase
TestGame.settings = settings(max_examples=150, stateful_step_count=50)
