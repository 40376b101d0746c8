"""When a phone may be waited for: never "no" while session-api's rules have a wish that waits."""

from __future__ import annotations

from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st
from session_api_testing.builders import PHONE_A, PHONE_B, START, paired
from session_api_testing.shelves import TestShelf

from realtime_gateway.domain.awaiting import awaiting_after
from session_api.play.domain import commands as p
from session_api.play.domain.decks import CONTEXTS, Context
from session_api.sessions.domain.decider import Refusal, decide, evolve, record

SHELF = TestShelf()
GUESTS = st.sampled_from([PHONE_A, PHONE_B])
COMMANDS = st.sampled_from(
    [
        p.SetReady(True),
        p.SetReady(False),
        p.RequestNext(),
        p.Previous(),
        p.Skip(),
        p.WithdrawNext(),
        p.StartAfresh(),
        p.ChooseContext("established"),
        p.ChooseContext("mature"),
        p.OptInMature(),
    ]
)
BEGUN: list[tuple[UUID, p.PlayCommand]] = [(PHONE_A, p.SetReady(True)), (PHONE_B, p.SetReady(True))]
AT_THE_SECOND_CARD = [*BEGUN, (PHONE_A, p.RequestNext()), (PHONE_B, p.RequestNext())]


def test_a_phone_is_waited_for_from_a_wish_until_it_is_settled() -> None:
    evening = [
        ("session_created", False),
        ("partner_joined", False),
        ("ready_changed", True),
        ("both_ready", False),
        ("question_shown", False),
        ("next_requested", True),
        ("hint_revealed", True),
        ("next_withdrawn", True),
        ("question_advanced", False),
        ("change_requested", True),
        ("change_withdrawn", True),
        ("context_chosen", False),
        ("answer_given", False),
        ("mature_opted_in", True),
    ]
    awaiting = True
    for event_type, expected in evening:
        awaiting = awaiting_after(event_type, awaiting)
        assert awaiting is expected, event_type


@given(st.sampled_from(CONTEXTS), st.lists(st.tuples(GUESTS, COMMANDS), max_size=20))
@example(
    "exploring", [(PHONE_A, p.SetReady(True)), (PHONE_B, p.ChooseContext("established")), (PHONE_B, p.WithdrawNext())]
)
@example(
    "exploring", [*AT_THE_SECOND_CARD, (PHONE_A, p.RequestNext()), (PHONE_B, p.Previous()), (PHONE_B, p.WithdrawNext())]
)
@example("mature", [(PHONE_A, p.OptInMature()), (PHONE_A, p.SetReady(True)), (PHONE_B, p.OptInMature())])
def test_no_wish_waits_unnoticed(context: Context, commands: list[tuple[UUID, p.PlayCommand]]) -> None:
    state = paired(context)
    # Rooms that open at any time are told at which number nobody waited.
    rooms = [awaiting_after("partner_joined", True)]
    for guest, command in commands:
        try:
            decided = decide(state, command, guest, shelf=SHELF)
        except Refusal:
            continue
        for entry in record(state, decided, START, str(guest), None):
            state = evolve(state, entry)
            rooms = [awaiting_after(entry.type, awaiting) for awaiting in rooms]
        assert all(rooms) or not state.awaited
        rooms.append(bool(state.awaited))
