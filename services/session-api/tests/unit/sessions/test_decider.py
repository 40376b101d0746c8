"""What each command causes, and what it is refused for."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from session_api_testing.builders import PHONE_A, PHONE_B, START, after, created, new_session, paired

from session_api.play.domain.commands import ChooseContext, OptInMature, SetReady
from session_api.play.domain.events import BothReady, ContextChosen, MatureOptedIn, ReadyChanged
from session_api.sessions.domain import commands as c
from session_api.sessions.domain import events as e
from session_api.sessions.domain.decider import Refusal, decide, evolve, fold, record
from session_api.sessions.domain.roster import AheadOfRoster, standing
from session_api.sessions.domain.state import SessionState


def refusal(state: SessionState, command: c.Command, actor: UUID | None) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refused:
        decide(state, command, actor)
    return refused.value.code, refused.value.reason


def test_a_session_is_pending_until_its_first_command() -> None:
    session = new_session("single")
    assert session.state == "pending"
    assert after(session, ChooseContext("mature"), PHONE_A).state == "browsing"


def test_a_renewed_credential_is_not_a_first_command() -> None:
    session = after(new_session("single"), c.RenewCredential(), PHONE_A)
    assert session.state == "pending"
    assert session.members[0].generation == 2


def test_a_partner_ends_pending_and_pairs() -> None:
    session = paired()
    assert (session.state, session.dual_status) == ("browsing", "paired")
    assert [member.role for member in session.members] == ["A", "B"]


def test_both_ready_takes_both() -> None:
    session = after(paired(), SetReady(True), PHONE_A)
    assert not session.play.both_ready
    assert decide(session, SetReady(True), PHONE_B) == [ReadyChanged(PHONE_B, True), BothReady()]
    assert after(session, SetReady(True), PHONE_B).play.both_ready


def test_readiness_can_be_taken_back_until_both_are_ready() -> None:
    session = after(after(paired(), SetReady(True), PHONE_A), SetReady(False), PHONE_A)
    assert session.play.ready == frozenset()
    both = after(after(session, SetReady(True), PHONE_A), SetReady(True), PHONE_B)
    assert refusal(both, SetReady(False), PHONE_A) == ("not_allowed", "already_started")
    assert decide(both, SetReady(True), PHONE_A) == []


@pytest.mark.parametrize(
    ("session", "reason"),
    [
        (new_session("single", "exploring"), "partner_missing"),
        (new_session("dual", "exploring"), "partner_missing"),
        (paired(context=None), "context_missing"),
    ],
)
def test_ready_needs_partner_and_context(session: SessionState, reason: str) -> None:
    assert refusal(session, SetReady(True), PHONE_A) == ("not_allowed", reason)


def test_the_mature_deck_needs_each_phones_own_opt_in() -> None:
    session = paired("mature")
    assert session.play.opted_in == {PHONE_A}
    assert refusal(session, SetReady(True), PHONE_B) == ("not_allowed", "mature_opt_in_missing")
    session = after(session, OptInMature(), PHONE_B)
    assert session.play.opted_in == {PHONE_A, PHONE_B}
    assert decide(session, OptInMature(), PHONE_B) == []
    assert decide(session, SetReady(True), PHONE_B) == [ReadyChanged(PHONE_B, True)]


def test_choosing_the_mature_context_opts_in_only_the_one_who_chose() -> None:
    assert decide(paired(None), ChooseContext("mature"), PHONE_B) == [ContextChosen("mature"), MatureOptedIn(PHONE_B)]
    assert refusal(paired("exploring"), OptInMature(), PHONE_A) == ("not_allowed", "context_not_mature")


def test_a_chosen_context_is_not_changed_over_the_partners_head() -> None:
    assert decide(paired("exploring"), ChooseContext("exploring"), PHONE_A) == []
    asked = after(paired("exploring"), ChooseContext("mature"), PHONE_A)
    assert asked.play.context == "exploring"
    assert after(asked, ChooseContext("mature"), PHONE_B).play.context == "mature"


def test_an_ended_session_refuses_everything() -> None:
    closed = after(paired(), c.EndSession(), PHONE_B)
    assert (closed.state, closed.end_reason, closed.ended_at) == ("closed", "ended_by_guest", START)
    assert refusal(closed, SetReady(True), PHONE_A) == ("session_closed", None)
    expired = after(new_session(), c.EndAtLimit("pending"))
    assert refusal(expired, c.AdmitPartner(PHONE_B, 1, 1), None) == ("session_expired", None)


def test_strangers_and_those_who_left_are_refused() -> None:
    assert refusal(paired(), SetReady(True), uuid4()) == ("not_a_participant", None)
    left = after(paired(), c.Leave(), PHONE_B)
    assert refusal(left, SetReady(True), PHONE_B) == ("not_a_participant", None)


def test_commands_are_kept_to_those_they_are_for() -> None:
    assert refusal(paired(), c.CancelPairing(1), PHONE_A) == ("not_allowed", "not_for_participants")
    assert refusal(paired(), SetReady(True), None) == ("not_allowed", "not_for_services")


def test_device_a_ends_instead_of_leaving() -> None:
    assert refusal(paired(), c.Leave(), PHONE_A) == ("not_allowed", "host_ends_session")


def test_when_b_leaves_the_ritual_starts_over_and_a_may_invite_again() -> None:
    session = after(after(paired("mature"), SetReady(True), PHONE_A), c.Leave(), PHONE_B)
    assert session.play.ready == frozenset()
    assert session.play.opted_in == {PHONE_A}
    again = after(session, c.ReplacePairingCode(2, START + timedelta(hours=1)))
    assert again.dual_status == "waiting"
    new_b = uuid4()
    joined = after(again, c.AdmitPartner(new_b, 1, 2))
    assert joined.present == {PHONE_A, new_b}


def test_a_new_partner_takes_the_place_of_an_absent_one() -> None:
    waiting = after(paired(), c.ReplacePairingCode(2, START + timedelta(hours=1)))
    new_b = uuid4()
    assert decide(waiting, c.AdmitPartner(new_b, 1, 2), None) == [e.PartnerJoined(new_b, "B", 1, 2, PHONE_B)]
    assert after(waiting, c.AdmitPartner(new_b, 1, 2)).present == {PHONE_A, new_b}


def test_going_on_alone_gives_up_the_place_of_an_absent_partner() -> None:
    waiting = after(paired(), c.ReplacePairingCode(2, START + timedelta(hours=1)))
    assert decide(waiting, c.CancelPairing(2), None) == [e.ParticipantLeft(PHONE_B, "B"), e.ModeChanged("single")]
    assert after(waiting, c.CancelPairing(2)).present == {PHONE_A}
    assert decide(paired(), c.CancelPairing(1), None) == [e.ParticipantLeft(PHONE_B, "B"), e.ModeChanged("single")]
    left = after(paired(), c.Leave(), PHONE_B)
    assert decide(left, c.CancelPairing(1), None) == [e.ModeChanged("single")]


def test_a_pair_is_parted_by_pairings_word_and_stays_so() -> None:
    assert decide(paired(), c.CancelPairing(1), None) == [e.ParticipantLeft(PHONE_B, "B"), e.ModeChanged("single")]
    alone = after(paired(), c.CancelPairing(1))
    assert decide(alone, c.CancelPairing(1), None) == []
    assert decide(alone, c.AdmitPartner(PHONE_B, 1, 1), None) == []
    assert decide(alone, c.AdmitPartner(uuid4(), 1, 1), None) == []


def test_facts_of_pairing_may_come_twice_late_or_out_of_order() -> None:
    session = paired()
    assert decide(session, c.AdmitPartner(PHONE_B, 1, 1), None) == []
    assert decide(session, c.AdmitPartner(uuid4(), 1, 1), None) == []
    assert decide(session, c.EndPairingCode(1, "expired"), None) == []
    assert decide(session, c.ReplacePairingCode(1, START), None) == []
    newer = after(session, c.ReplacePairingCode(2, START))
    assert decide(newer, c.CancelPairing(1), None) == []
    alone = after(session, c.CancelPairing(1))
    assert decide(alone, c.CancelPairing(1), None) == []
    assert decide(alone, c.AdmitPartner(uuid4(), 1, 1), None) == []
    ahead = after(new_session(), c.EndPairingCode(3, "withdrawn"))
    assert ahead.dual_status == "expired"
    assert decide(ahead, c.ReplacePairingCode(3, START), None) == []
    assert decide(ahead, c.AdmitPartner(PHONE_B, 1, 2), None) == []
    assert after(ahead, c.AdmitPartner(PHONE_B, 1, 4)).dual_status == "paired"
    assert after(session, c.EndPairingCode(2, "expired")).dual_status == "expired"


def test_a_code_that_ran_out_gives_way_to_a_new_one_or_to_one_phone() -> None:
    expired = after(new_session(), c.EndPairingCode(1, "expired"), at=START + timedelta(minutes=10))
    assert expired.due(START).at == START + timedelta(minutes=15)
    waiting = after(expired, c.ReplacePairingCode(2, START + timedelta(minutes=22)))
    assert (waiting.dual_status, waiting.due(START).limit) == ("waiting", "pending")
    alone = after(expired, c.CancelPairing(1))
    assert (alone.mode, alone.dual_status, alone.due(START).limit) == ("single", "none", "pending")


def test_a_single_session_becomes_dual_with_a_code() -> None:
    session = after(new_session("single"), c.ReplacePairingCode(1, START + timedelta(minutes=10)))
    assert (session.mode, session.dual_status) == ("dual", "waiting")
    quick = after(new_session("single"), c.AdmitPartner(PHONE_B, 1, 1))
    assert (quick.mode, quick.dual_status) == ("dual", "paired")


def test_time_never_runs_backwards_in_a_log() -> None:
    session = after(new_session(), ChooseContext("mature"), PHONE_A, START + timedelta(seconds=9))
    late = record(session, [MatureOptedIn(PHONE_A)], START, str(PHONE_A), None)
    assert late[0].at == START + timedelta(seconds=9)


def test_events_out_of_their_place_are_refused() -> None:
    first = created()
    with pytest.raises(ValueError, match="does not follow"):
        fold([first, e.Recorded(3, e.ModeChanged("single"), START, "system", None)])
    with pytest.raises(ValueError, match="starts with"):
        evolve(None, e.Recorded(1, e.ModeChanged("single"), START, "system", None))
    with pytest.raises(ValueError, match="empty"):
        fold([])


def test_standing_on_the_roster() -> None:
    session = after(paired(), c.RenewCredential(), PHONE_A)
    assert standing(session, PHONE_A, 2).role == "A"
    with pytest.raises(Refusal, match="credential_invalid"):
        standing(session, PHONE_A, 1)
    with pytest.raises(AheadOfRoster):
        standing(session, PHONE_A, 3)
    with pytest.raises(AheadOfRoster):
        standing(session, uuid4(), 1)
    with pytest.raises(Refusal, match="not_a_participant"):
        standing(after(session, c.Leave(), PHONE_B), PHONE_B, 1)
    with pytest.raises(Refusal, match="session_closed"):
        standing(after(session, c.EndSession(), PHONE_A), uuid4(), 1)
