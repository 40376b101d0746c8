"""Roster, presence, limits and close codes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_gateway.domain.closing import Closing, closing_for_refusal
from realtime_gateway.domain.limits import MESSAGE_BURST, TokenBucket
from realtime_gateway.domain.presence import Mark, Presence, gone_since
from realtime_gateway.domain.roster import Roster, Verdict
from twotop_common.contracts.session_log import PresenceStatus

A, B = UUID(int=1), UUID(int=2)


def test_a_registered_participant_with_the_current_generation_is_admitted() -> None:
    roster = Roster()
    assert roster.verdict(A, 1) is Verdict.UNKNOWN
    roster.admit(A, 2)
    assert roster.verdict(A, 2) is Verdict.ADMITTED
    assert roster.verdict(A, 3) is Verdict.UNKNOWN
    assert roster.verdict(A, 1) is Verdict.REVOKED


def test_leaving_and_ending_stick_whatever_arrives_later() -> None:
    roster = Roster()
    roster.leave(A)
    roster.admit(A, 1)
    assert roster.verdict(A, 1) is Verdict.LEFT
    roster.end()
    roster.admit(B, 1)
    assert roster.verdict(B, 1) is Verdict.ENDED


@pytest.mark.parametrize(
    ("verdict", "closing"),
    [
        (Verdict.ADMITTED, None),
        (Verdict.UNKNOWN, None),
        (Verdict.REVOKED, Closing.BAD_CREDENTIAL),
        (Verdict.LEFT, Closing.NOT_REGISTERED),
        (Verdict.ENDED, Closing.SESSION_ENDED),
    ],
)
def test_every_verdict_has_its_close_code(verdict: Verdict, closing: Closing | None) -> None:
    assert verdict.closing is closing


def test_a_new_partner_takes_the_place_of_the_one_it_replaces() -> None:
    roster = Roster()
    roster.admit(A, 1)
    assert roster.apply("partner_joined", {"participant_id": str(B), "role": "B", "generation": 1, "replaces": str(A)})
    assert roster.verdict(A, 1) is Verdict.LEFT
    assert roster.verdict(B, 1) is Verdict.ADMITTED


@pytest.mark.parametrize("kind", ["session_closed", "session_expired"])
def test_the_end_of_the_session_ends_every_socket(kind: str) -> None:
    roster = Roster()
    roster.admit(A, 1)
    assert roster.apply(kind, {"reason": "guest"})
    assert roster.verdict(A, 1) is Verdict.ENDED


def test_events_of_other_kinds_do_not_touch_the_roster() -> None:
    assert not Roster().apply("ready_changed", {"participant_id": str(A), "ready": True})


EVENTS = st.sampled_from(
    [
        ("partner_joined", {"participant_id": str(B), "generation": 1, "replaces": None}),
        ("credential_renewed", {"participant_id": str(A), "generation": 2}),
        ("credential_renewed", {"participant_id": str(A), "generation": 3}),
        ("participant_left", {"participant_id": str(B), "role": "B"}),
        ("partner_joined", {"participant_id": "no id"}),
        ("credential_renewed", {}),
        ("participant_left", {"participant_id": None}),
    ]
)


@given(st.lists(EVENTS), st.randoms())
def test_the_roster_is_the_same_in_any_order_and_any_number_of_times(
    events: list[tuple[str, dict[str, object]]], random: Random
) -> None:
    straight, shuffled = Roster(), Roster()
    for kind, data in events:
        straight.apply(kind, data)
    again = [*events, *events[::2]]
    random.shuffle(again)
    for kind, data in again:
        shuffled.apply(kind, data)
    assert straight == shuffled
    merged = Roster()
    merged.merge(shuffled)
    merged.merge(straight)
    assert merged == straight


def test_the_newest_socket_decides_about_presence() -> None:
    presence = Presence()
    assert presence.see(A, Mark("A", 1, "online"))
    assert presence.see(A, Mark("A", 1, "away"))
    assert presence.see(A, Mark("A", 2, "online"))
    assert not presence.see(A, Mark("A", 1, "gone"))
    assert presence.connection_of(A) == 2
    assert [seen.status for seen in presence.sightings()] == ["online"]
    assert presence.forget(A)
    assert not presence.forget(A)
    assert presence.connection_of(A) == 0


def test_a_replaced_socket_changes_nothing_that_phones_are_shown() -> None:
    presence = Presence()
    presence.see(A, Mark("A", 1, "online"))
    assert not presence.see(A, Mark("A", 2, "online"))


STATUSES: st.SearchStrategy[PresenceStatus] = st.sampled_from(["online", "away", "gone"])
MARKS = st.builds(Mark, st.just("A"), st.integers(1, 5), STATUSES)


@given(st.lists(MARKS, min_size=1), st.randoms())
def test_presence_is_the_same_in_any_order(marks: list[Mark], random: Random) -> None:
    straight, shuffled = Presence(), Presence()
    for mark in marks:
        straight.see(A, mark)
    again = marks * 2
    random.shuffle(again)
    for mark in again:
        shuffled.see(A, mark)
    assert straight.marks == shuffled.marks


def shown(presence: Presence) -> list[tuple[UUID, PresenceStatus]]:
    return [(seen.participant_id, seen.status) for seen in presence.sightings()]


def test_a_participant_that_polls_is_online_for_as_long_as_that_counts() -> None:
    presence = Presence()
    presence.see(A, Mark("A", 1, "online"))
    assert presence.hear(B, "B", 30.0)
    assert shown(presence) == [(A, "online"), (B, "online")]
    assert not presence.hear(B, "B", 40.0)
    assert not presence.lapse(39.9)
    assert presence.anybody_polls
    assert presence.lapse(40.0)
    assert shown(presence) == [(A, "online"), (B, "gone")]
    assert not presence.lapse(41.0)
    assert not presence.anybody_polls
    assert presence.hear(B, "B", 70.0)
    assert shown(presence) == [(A, "online"), (B, "online")]
    assert presence.forget(B)
    assert shown(presence) == [(A, "online")]


def test_that_it_polls_says_nothing_of_a_participant_whose_socket_is_open_or_was_just_lost() -> None:
    presence = Presence()
    presence.see(A, Mark("A", 1, "online"))
    assert not presence.hear(A, "A", 30.0)
    assert presence.see(A, Mark("A", 1, "away"))
    assert shown(presence) == [(A, "away")]
    assert presence.see(A, Mark("A", 1, "gone"))
    assert shown(presence) == [(A, "online")]
    assert presence.lapse(30.0)
    assert shown(presence) == [(A, "gone")]


HEARD = st.tuples(st.sampled_from([A, B]), MARKS | st.floats(0, 100))


def told(presence: Presence, participant_id: UUID, heard: Mark | float) -> bool:
    if isinstance(heard, Mark):
        return presence.see(participant_id, heard)
    return presence.hear(participant_id, "A", heard)


@given(st.lists(HEARD, min_size=1), st.floats(0, 100), st.randoms())
def test_sockets_and_requests_show_the_same_in_any_order_and_phones_hear_of_every_change(
    heard: list[tuple[UUID, Mark | float]], now: float, random: Random
) -> None:
    straight, shuffled = Presence(), Presence()
    again = heard * 2
    random.shuffle(again)
    for presence, news in ((straight, heard), (shuffled, again)):
        for participant_id, one in news:
            before = sorted(shown(presence))
            assert told(presence, participant_id, one) == (sorted(shown(presence)) != before)
        before = sorted(shown(presence))
        assert presence.lapse(now) == (sorted(shown(presence)) != before)
    assert sorted(shown(straight)) == sorted(shown(shuffled))


@pytest.mark.parametrize("skew_s", [-9, 0, 9])
def test_gone_lies_between_two_sockets_although_clocks_differ(skew_s: float) -> None:
    lost_at = datetime(2026, 7, 1, 20, tzinfo=UTC)
    back_at = lost_at + timedelta(seconds=20)
    declared_at = back_at + timedelta(seconds=skew_s)
    assert lost_at < gone_since(declared_at, 20) < back_at


def test_a_burst_is_allowed_and_then_twenty_a_second() -> None:
    bucket = TokenBucket(MESSAGE_BURST, 0.0)
    assert all(bucket.take(0.0) for _ in range(40))
    assert not bucket.take(0.0)
    bucket = TokenBucket(0.0, 0.0)
    assert all(bucket.take(1.0) for _ in range(20))
    assert not bucket.take(1.0)


def test_a_bucket_never_holds_more_than_the_burst() -> None:
    bucket = TokenBucket(MESSAGE_BURST, 0.0)
    bucket.take(1_000.0)
    assert bucket.tokens == MESSAGE_BURST - 1


@pytest.mark.parametrize(
    ("status", "closing"),
    [
        (401, Closing.BAD_CREDENTIAL),
        (403, Closing.NOT_REGISTERED),
        (404, Closing.NO_SESSION),
        (410, Closing.SESSION_ENDED),
        (429, Closing.TRY_AGAIN),
        (500, Closing.TRY_AGAIN),
        (503, Closing.TRY_AGAIN),
    ],
)
def test_anything_but_a_clear_refusal_of_the_owner_says_try_again(status: int, closing: Closing) -> None:
    assert closing_for_refusal(status) is closing


def test_close_codes_are_the_contract() -> None:
    final, again = {4401, 4403, 4404, 4410}, {4408, 4409, 4413, 4429, 4508, 1012, 1013}
    assert {closing.code for closing in Closing} == final | again


def test_ids_of_strangers_are_strangers() -> None:
    roster = Roster()
    roster.admit(A, 1)
    assert roster.verdict(uuid4(), 1) is Verdict.UNKNOWN
