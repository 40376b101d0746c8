"""What each command of the game causes, for one phone and for two."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from session_api_testing.builders import PHONE_A, PHONE_B, START, new_session, paired
from session_api_testing.shelves import TestShelf

from session_api.play.domain import commands as p
from session_api.play.domain import events as happened
from session_api.play.domain.decks import Context
from session_api.sessions.domain import commands as c
from session_api.sessions.domain.decider import NOBODY, Refusal, decide, evolve, record
from session_api.sessions.domain.state import SessionState
from session_api.sessions.domain.views import view_event, view_event_for, view_state

SHELF = TestShelf()
SIZE = 5


B_IS_AWAY = p.ReleaseWishes(frozenset({PHONE_B}))


def play(state: SessionState, command: c.Command, actor: UUID | None = PHONE_A) -> SessionState:
    for entry in record(state, decide(state, command, actor, shelf=SHELF), START, str(actor), None):
        state = evolve(state, entry)
    return state


def decided(state: SessionState, command: c.Command, actor: UUID | None = PHONE_A) -> list[object]:
    return list(decide(state, command, actor, shelf=SHELF))


def reason(state: SessionState, command: c.Command, actor: UUID = PHONE_A) -> str | None:
    with pytest.raises(Refusal) as refused:
        decided(state, command, actor)
    return refused.value.reason


def single(context: Context | None = "exploring") -> SessionState:
    return new_session("single", context)


def begun(context: Context = "exploring") -> SessionState:
    """Two phones at their first question."""
    state = paired(context)
    for phone in (PHONE_A, PHONE_B):
        if context == "mature":
            state = play(state, p.OptInMature(), phone)
        state = play(state, p.SetReady(True), phone)
    return state


def both(state: SessionState, command: c.Command) -> SessionState:
    return play(play(state, command, PHONE_A), command, PHONE_B)


def position(state: SessionState) -> int:
    assert state.play.progress is not None
    return state.play.progress.position


def at_position(state: SessionState, wanted: int) -> SessionState:
    while position(state) < wanted:
        state = both(state, p.RequestNext())
    return state


def answer_to(state: SessionState, answer: str) -> p.GiveAnswer:
    assert state.play.open_question is not None
    return p.GiveAnswer(state.play.open_question, answer)


# -- one phone


def test_one_phone_opens_moves_back_and_skips_at_once() -> None:
    state = play(single(), p.RequestNext())
    assert position(state) == 1
    assert position(state := play(state, p.RequestNext())) == 2
    assert position(state := play(state, p.Skip())) == 3
    assert position(play(state, p.Previous())) == 2


def test_the_deck_ends_explicitly_and_starts_afresh_in_another_order() -> None:
    state = single()
    shown = []
    for _ in range(SIZE):
        state = play(state, p.RequestNext())
        shown.append(state.play.open_question)
    assert len(set(shown)) == SIZE
    assert [type(event) for event in decided(state, p.RequestNext())] == [
        happened.QuestionAdvanced,
        happened.DeckFinished,
    ]
    finished = play(state, p.RequestNext())
    assert finished.play.open_question is None
    assert reason(finished, p.RequestNext()) == "deck_finished"
    assert reason(finished, p.Reveal()) == "deck_finished"
    assert play(finished, p.Previous()).play.open_question == shown[-1]
    fresh = play(finished, p.StartAfresh())
    assert fresh.play.progress is not None
    assert (fresh.play.progress.round, fresh.play.progress.position) == (2, 1)


def test_nothing_is_shown_before_a_context_is_chosen_or_without_questions() -> None:
    assert reason(single(None), p.RequestNext()) == "context_missing"
    with pytest.raises(Refusal) as refused:
        decide(single(), p.RequestNext(), PHONE_A)
    assert refused.value.reason == "no_questions"
    assert reason(single(), p.Skip()) == "no_question_yet"
    assert reason(single(), p.Reveal()) == "no_question_yet"
    assert reason(play(single(), p.RequestNext()), p.Previous()) == "first_question"


def test_a_deck_that_was_left_for_another_context_goes_on_where_it_was() -> None:
    state = play(play(play(single(), p.RequestNext()), p.RequestNext()), p.RequestNext())
    left_at = state.play.open_question
    elsewhere = play(state, p.ChooseContext("established"))
    assert (position(elsewhere), elsewhere.play.context) == (1, "established")
    back = play(elsewhere, p.ChooseContext("exploring"))
    assert back.play.open_question == left_at


def test_a_new_version_does_not_disturb_a_deck_under_way() -> None:
    shelf = TestShelf()
    state = single()

    def next_of(state: SessionState) -> SessionState:
        for entry in record(state, decide(state, p.RequestNext(), PHONE_A, shelf=shelf), START, str(PHONE_A), None):
            state = evolve(state, entry)
        return state

    state = next_of(state)
    shelf.publish("exploring")
    state = next_of(state)
    assert state.play.progress is not None
    assert state.play.progress.set_version == 1


# -- the ritual


def test_both_ready_opens_the_first_question_on_both_phones() -> None:
    state = play(paired(), p.SetReady(True))
    assert reason(state, p.RequestNext()) == "not_ready"
    assert [type(event) for event in decided(state, p.SetReady(True), PHONE_B)] == [
        happened.ReadyChanged,
        happened.BothReady,
        happened.QuestionShown,
    ]


def test_a_new_partner_gets_ready_and_the_game_goes_on_where_it_was() -> None:
    state = at_position(begun(), 3)
    question = state.play.open_question
    state = play(state, c.ReplacePairingCode(2, START), None)
    newcomer = uuid4()
    state = play(state, c.AdmitPartner(newcomer, 1, 2), None)
    assert reason(state, p.RequestNext()) == "not_ready"
    state = play(play(state, p.SetReady(True)), p.SetReady(True), newcomer)
    assert (state.play.open_question, state.play.wishes) == (question, ())


def test_a_game_on_one_phone_goes_on_while_it_waits_for_a_second() -> None:
    state = play(play(single(), p.RequestNext()), c.ReplacePairingCode(1, START), None)
    assert state.mode == "dual"
    assert position(play(state, p.RequestNext())) == 2
    assert reason(new_session("dual", "exploring"), p.RequestNext()) == "partner_missing"


def test_an_invitation_that_ran_out_does_not_end_a_game_under_way() -> None:
    waiting = play(new_session("dual", "exploring"), c.EndPairingCode(1, "expired"), None)
    assert waiting.due(START).limit == "pairing"
    state = play(play(single(), p.RequestNext()), c.ReplacePairingCode(1, START), None)
    assert play(state, c.EndPairingCode(1, "expired"), None).due(START).limit != "pairing"


def test_whoever_stays_goes_on_alone() -> None:
    state = play(at_position(begun(), 2), c.Leave(), PHONE_B)
    assert position(play(state, p.RequestNext())) == 3


def test_a_newcomer_sees_the_card_when_both_are_ready_and_the_one_who_stayed_sees_it_all_along() -> None:
    state = at_position(begun("mature"), 3)
    card = state.play.open_question
    newcomer = uuid4()
    state = play(state, c.ReplacePairingCode(2, START), None)
    state = play(state, c.AdmitPartner(newcomer, 1, 2), None)

    def card_of(phone: UUID) -> str | None:
        question = view_state(state, phone)["play"]["question"]
        return None if question is None else str(question["question_id"])

    assert (card_of(PHONE_A), card_of(newcomer)) == (card, None)
    state = play(play(state, p.OptInMature(), newcomer), p.SetReady(True), newcomer)
    assert card_of(newcomer) is None
    state = play(state, p.SetReady(True))
    assert (card_of(PHONE_A), card_of(newcomer)) == (card, card)


def test_the_card_of_a_pair_that_is_not_ready_is_neither_answered_nor_turned() -> None:
    state = begun()
    while state.play.open_question not in {"exploring-1-2", "exploring-1-4"}:
        state = both(state, p.RequestNext())
    newcomer = uuid4()
    joined = play(play(state, c.ReplacePairingCode(2, START), None), c.AdmitPartner(newcomer, 1, 2), None)
    for phone in (PHONE_A, newcomer):
        assert reason(joined, p.Reveal(), phone) == "not_ready"
        assert reason(joined, answer_to(joined, "left"), phone) == "not_ready"
    assert play(play(joined, c.CancelPairing(2), None), p.Reveal()).play.hint_revealed


@pytest.mark.parametrize("left_before", [True, False])
def test_a_game_for_two_goes_on_for_one_with_its_card_round_and_position(left_before: bool) -> None:
    state = at_position(both(at_position(begun(), 2), p.StartAfresh()), 3)
    card = state.play.progress
    assert card is not None
    assert (card.round, card.position) == (2, 3)
    if left_before:
        state = play(state, c.Leave(), PHONE_B)
    alone = play(state, c.CancelPairing(1), None)
    assert (alone.mode, alone.dual_status) == ("single", "none")
    assert alone.present == {PHONE_A}
    assert alone.play.progress == card
    assert view_state(alone, PHONE_A)["play"]["question"]["question_id"] == card.question_id
    moved = play(alone, p.RequestNext())
    assert moved.play.progress is not None
    assert (moved.play.progress.round, moved.play.progress.position) == (2, 4)


def test_a_game_goes_on_alone_also_before_a_new_partner_was_ready() -> None:
    state = play(at_position(begun(), 3), c.ReplacePairingCode(2, START), None)
    state = play(state, c.AdmitPartner(uuid4(), 1, 2), None)
    alone = play(state, c.CancelPairing(2), None)
    assert position(alone) == 3
    assert position(play(alone, p.RequestNext())) == 4


def test_being_ready_is_enough_once_the_partner_has_been_away() -> None:
    ready = play(paired(), p.SetReady(True))
    begins = [happened.BothReady, happened.QuestionShown]
    assert [type(event) for event in decided(ready, B_IS_AWAY, None)] == begins
    assert decided(ready, p.ReleaseWishes(frozenset({PHONE_A, PHONE_B})), None) == []
    assert decided(paired(), B_IS_AWAY, None) == []


def test_a_newcomer_who_drops_does_not_freeze_a_game_under_way() -> None:
    state = play(at_position(begun(), 3), c.ReplacePairingCode(2, START), None)
    newcomer = uuid4()
    state = play(play(state, c.AdmitPartner(newcomer, 1, 2), None), p.SetReady(True))
    assert state.awaited == {newcomer}
    it_is_away = p.ReleaseWishes(frozenset({newcomer}))
    state = play(state, it_is_away, None)
    assert position(state) == 3
    assert position(play(play(state, p.RequestNext()), it_is_away, None)) == 4


def test_the_mature_deck_is_not_opened_without_the_opt_in_of_a_partner_who_is_away() -> None:
    state = play(play(paired("mature"), p.OptInMature()), p.SetReady(True))
    assert state.play.ready == {PHONE_A}
    assert not state.play.both_ready
    assert state.awaited == frozenset()
    assert decided(state, B_IS_AWAY, None) == []
    elsewhere = play(play(state, p.ChooseContext("exploring")), B_IS_AWAY, None)
    assert position(play(play(elsewhere, p.SetReady(True)), B_IS_AWAY, None)) == 1
    assert play(play(state, p.OptInMature(), PHONE_B), B_IS_AWAY, None).play.both_ready


def test_what_waits_for_a_partner_happens_when_it_leaves() -> None:
    state = play(at_position(begun(), 2), p.RequestNext())
    left = play(state, c.Leave(), PHONE_B)
    assert (left.present, position(left), left.play.wishes) == ({PHONE_A}, 3, ())
    assert position(play(play(begun(), p.RequestNext(), PHONE_B), c.Leave(), PHONE_B)) == 1


def test_a_wish_that_waited_for_the_partner_takes_effect_when_its_place_is_given_up_for_it() -> None:
    asked = play(begun(), p.ChooseContext("mature"))
    assert play(asked, c.Leave(), PHONE_B).play.context == "mature"
    alone = play(asked, c.CancelPairing(1), None)
    assert (alone.play.context, alone.mode, alone.present) == ("mature", "single", {PHONE_A})


def test_who_is_ready_when_the_partner_leaves_invites_another_or_goes_on_alone() -> None:
    left = play(play(paired(), p.SetReady(True)), c.Leave(), PHONE_B)
    assert not left.play.both_ready
    assert reason(left, p.RequestNext()) == "partner_missing"
    assert position(play(play(left, c.CancelPairing(1), None), p.RequestNext())) == 1


# -- wishes of two phones


@pytest.mark.parametrize("command", [p.RequestNext(), p.Skip(), p.Previous(), p.StartAfresh()])
def test_nothing_moves_until_both_ask_for_it(command: p.PlayCommand) -> None:
    state = at_position(begun(), 2)
    asked = play(state, command)
    assert asked.play.open_question == state.play.open_question
    assert len(asked.play.wishes) == 1
    assert decided(asked, command) == []
    assert play(asked, command, PHONE_B).play.progress != state.play.progress


def test_next_and_skip_agree_and_others_do_not() -> None:
    state = at_position(begun(), 2)
    assert position(play(play(state, p.RequestNext()), p.Skip(), PHONE_B)) == 3
    torn = play(play(state, p.RequestNext()), p.Previous(), PHONE_B)
    assert position(torn) == 2
    assert position(play(torn, p.Previous())) == 1


def test_a_wish_can_be_taken_back() -> None:
    asked = play(begun(), p.RequestNext())
    assert decided(asked, p.WithdrawNext()) == [happened.NextWithdrawn(PHONE_A)]
    withdrawn = play(asked, p.WithdrawNext())
    assert decided(withdrawn, p.WithdrawNext()) == []
    assert position(play(withdrawn, p.RequestNext(), PHONE_B)) == 1


def test_a_partner_away_for_long_holds_nobody_up() -> None:
    state = begun()
    asked = play(state, p.RequestNext())
    assert position(play(asked, B_IS_AWAY, None)) == 2
    (advanced, _) = decided(asked, B_IS_AWAY, None)
    assert advanced == happened.QuestionAdvanced(state.play.open_question or "", "next", alone=True)
    assert decided(asked, p.ReleaseWishes(NOBODY), None) == []
    assert decided(asked, p.ReleaseWishes(frozenset({PHONE_A})), None) == []


def test_changing_the_context_needs_both_and_mature_the_opt_in_of_each() -> None:
    state = begun()
    asked = play(state, p.ChooseContext("mature"))
    assert asked.play.context == "exploring"
    assert decided(asked, B_IS_AWAY, None) == []
    changed = play(asked, p.ChooseContext("mature"), PHONE_B)
    assert changed.play.context == "mature"
    assert changed.play.opted_in == {PHONE_A, PHONE_B}
    assert position(changed) == 1
    assert decided(asked, p.ChooseContext("exploring")) == [happened.ChangeWithdrawn(PHONE_A)]


# -- hints and answers


def test_a_hint_is_shown_where_there_is_one() -> None:
    state = single()
    reasons = set()
    for _ in range(SIZE):
        state = play(state, p.RequestNext())
        try:
            shown = play(state, p.Reveal())
        except Refusal as refused:
            reasons.add(refused.reason)
        else:
            assert shown.play.hint_revealed
            assert decided(shown, p.Reveal()) == []
    assert reasons == {"no_hint"}


def test_answers_are_seen_only_when_both_have_answered() -> None:
    state = begun()
    answered = play(state, answer_to(state, "left"), PHONE_A)
    assert view_state(answered, PHONE_A)["play"]["answers"] == [{"participant_id": str(PHONE_A), "answer": "left"}]
    assert view_state(answered, PHONE_B)["play"]["answers"] == []
    assert view_state(answered, PHONE_B)["play"]["answered"] == [str(PHONE_A)]
    given = record(state, decide(state, answer_to(state, "left"), PHONE_A, shelf=SHELF), START, str(PHONE_A), None)
    assert "left" not in view_event(given[0]).model_dump_json()
    changed = play(answered, answer_to(answered, "right"), PHONE_A)
    revealed = play(changed, answer_to(changed, "left"), PHONE_B)
    assert {one["answer"] for one in view_state(revealed, PHONE_B)["play"]["answers"]} == {"left", "right"}
    assert reason(revealed, answer_to(revealed, "right")) == "already_revealed"
    assert both(revealed, p.RequestNext()).play.answers == ()


def test_a_later_partner_reads_that_answers_were_revealed_and_not_what_they_were() -> None:
    state = begun()
    answered = play(state, answer_to(state, "left"), PHONE_A)
    given = decide(answered, answer_to(answered, "right"), PHONE_B, shelf=SHELF)
    revealed = record(answered, given, START, str(PHONE_B), None)[-1]
    assert view_event_for(revealed, PHONE_A) == view_event_for(revealed, PHONE_B) == view_event(revealed)
    assert len(view_event(revealed).data["answers"]) == 2
    newcomer = view_event_for(revealed, uuid4())
    assert newcomer.data == {"question_id": state.play.open_question, "answers": []}
    assert (newcomer.seq, newcomer.type) == (revealed.seq, "answers_revealed")


def test_an_answer_belongs_to_the_question_that_lies_open() -> None:
    state = begun()
    assert reason(state, p.GiveAnswer("another", "left")) == "another_question"
    while state.play.open_question not in {"exploring-1-2", "exploring-1-5"}:
        state = both(state, p.RequestNext())
    assert reason(state, answer_to(state, "neither")) == "no_such_choice"


@pytest.mark.parametrize("kind", [p.RequestNext, p.Skip, p.Previous, p.Reveal])
def test_a_command_that_names_a_card_is_about_that_card_alone(kind: type[p.CardCommand]) -> None:
    state = at_position(begun(), 2)
    left = kind(state.play.open_question)
    if kind is not p.Reveal:
        assert decided(state, left, PHONE_A) == decided(state, kind(), PHONE_A) != []
    state = both(state, p.RequestNext())
    assert decided(state, left, PHONE_A) == [], "a tap that comes late turns no card that its guest never saw"
    finished = both(at_position(state, SIZE), p.RequestNext())
    assert finished.play.progress is not None
    assert decided(finished, kind(finished.play.progress.question_id), PHONE_A) == []


def test_what_one_phone_answers_alone_is_never_revealed_to_a_later_partner() -> None:
    state = play(single(), p.RequestNext())
    state = play(state, answer_to(state, "left"))
    assert not state.play.revealed
    state = play(play(state, c.ReplacePairingCode(1, START), None), c.AdmitPartner(PHONE_B, 1, 1), None)
    assert view_state(state, PHONE_B)["play"]["answers"] == []
