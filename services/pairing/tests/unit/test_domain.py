"""The rules of pairing, over all that a table may hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing.domain import (
    WRONG_TRIES_PER_CODE,
    End,
    Offer,
    Pairing,
    Partner,
    Place,
    Refusal,
    Status,
    Verdict,
    is_alone,
    judge,
    refuse_new_code,
    refuse_to_go_on_alone,
)

NOW = datetime(2026, 3, 14, 18, 0, tzinfo=UTC)
ends: st.SearchStrategy[End | None] = st.sampled_from([None, "closed", "expired"])
moments = st.integers(-3, 3).map(lambda seconds: NOW + timedelta(seconds=seconds))
partners = st.none() | st.builds(
    Partner,
    matched_at=st.integers(28, 32).map(lambda seconds: NOW - timedelta(seconds=seconds)),
    away=st.booleans(),
    seen_at=st.none() | moments,
    polled_at=st.none() | st.integers(28, 32).map(lambda seconds: NOW - timedelta(seconds=seconds)),
)
offers = st.builds(
    Offer,
    session_id=st.uuids(),
    generation=st.integers(1, 5),
    status=st.sampled_from(list(Status)),
    expires_at=moments,
    wrong_tries=st.integers(0, 7),
    ended=ends,
    former=st.booleans(),
    partner=partners,
)
pairings = st.builds(
    Pairing,
    session_id=st.uuids(),
    mode=st.sampled_from(["single", "dual", "group"]),
    table_token=st.just("token"),
    table_id=st.uuids(),
    location_id=st.uuids(),
    participant_id=st.uuids(),
    credential_generation=st.integers(1, 3),
    credential_expires_at=st.just(NOW + timedelta(days=2)),
    status=st.sampled_from([status for status in Status if status is not Status.UNKNOWN]),
    generation=st.integers(0, 5),
    code_hash=st.none() | st.just("k1:00"),
    expires_at=moments,
    code_life=st.just(timedelta(minutes=10)),
    wrong_tries=st.integers(0, 7),
    partner=partners,
    ended=ends,
)
OPEN = Offer(UUID(int=1), 1, Status.WAITING, NOW + timedelta(seconds=1), 0, None)
HERE = Partner(NOW - timedelta(minutes=5), away=False, seen_at=NOW)


@given(st.lists(offers, max_size=5))
def test_only_the_single_open_code_is_redeemed(found: list[Offer]) -> None:
    verdict, offer = judge(found, NOW)
    open_now = [each for each in found if each.is_open(NOW)]
    assert (verdict is Verdict.REDEEM) == (len(open_now) == 1)
    assert (offer is None) == (verdict is not Verdict.REDEEM)
    if offer is not None:
        assert [offer] == open_now


@given(st.lists(offers, max_size=5))
def test_a_verdict_does_not_depend_on_the_order_in_which_codes_were_found(found: list[Offer]) -> None:
    assert judge(found, NOW)[0] is judge(list(reversed(found)), NOW)[0]


@given(offers)
def test_an_open_code_is_waiting_present_alive_in_time_not_used_up_and_nobody_is_in_its_place(offer: Offer) -> None:
    assert offer.is_open(NOW) == (
        offer.status is Status.WAITING
        and not offer.former
        and offer.ended is None
        and offer.expires_at > NOW
        and offer.wrong_tries < WRONG_TRIES_PER_CODE
        and (offer.partner is None or not offer.partner.is_here(NOW))
    )


@given(st.lists(offers, min_size=1, max_size=5))
def test_a_known_code_that_is_not_open_is_never_called_unknown(found: list[Offer]) -> None:
    closed = [offer for offer in found if not offer.is_open(NOW)]
    if closed:
        assert judge(closed, NOW)[0] not in (Verdict.UNKNOWN, Verdict.REDEEM)


def test_a_code_is_valid_until_exactly_its_instant() -> None:
    edge = OPEN.expires_at
    assert OPEN.is_open(edge - timedelta(microseconds=1))
    assert not OPEN.is_open(edge)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([], Verdict.UNKNOWN),
        ([OPEN, replace(OPEN, session_id=uuid4())], Verdict.UNKNOWN),
        ([OPEN, replace(OPEN, status=Status.PAIRED)], Verdict.REDEEM),
        ([replace(OPEN, status=Status.PAIRED), replace(OPEN, status=Status.EXPIRED)], Verdict.ALREADY_PAIRED),
        ([replace(OPEN, status=Status.PAIRED, ended="closed"), replace(OPEN, former=True)], Verdict.EXPIRED),
        ([replace(OPEN, partner=HERE)], Verdict.ALREADY_PAIRED),
        ([replace(OPEN, partner=replace(HERE, away=True))], Verdict.REDEEM),
        ([OPEN, replace(OPEN, partner=HERE)], Verdict.REDEEM),
        ([replace(OPEN, wrong_tries=5)], Verdict.EXPIRED),
        ([replace(OPEN, status=Status.WITHDRAWN)], Verdict.EXPIRED),
        ([replace(OPEN, status=Status.CANCELLED)], Verdict.EXPIRED),
        ([replace(OPEN, ended="closed")], Verdict.SESSION_CLOSED),
        ([replace(OPEN, ended="closed"), replace(OPEN, ended="expired")], Verdict.SESSION_EXPIRED),
    ],
)
def test_the_kindest_true_answer_is_given(found: list[Offer], verdict: Verdict) -> None:
    assert judge(found, NOW)[0] is verdict


@given(pairings)
def test_a_new_code_is_refused_to_the_ended_to_groups_and_to_a_present_pair_and_to_nobody_else(
    pairing: Pairing,
) -> None:
    refusal = refuse_new_code(pairing, NOW)
    if pairing.ended is not None:
        assert refusal in (Refusal.SESSION_CLOSED, Refusal.SESSION_EXPIRED)
    elif pairing.mode == "group":
        assert refusal is Refusal.GROUP
    elif pairing.is_pair(NOW):
        assert refusal is Refusal.ALREADY_PAIRED
    else:
        assert refusal is None


@given(pairings)
def test_a_pair_cannot_go_on_alone_and_who_is_alone_stays_so(pairing: Pairing) -> None:
    refusal = refuse_to_go_on_alone(pairing, NOW)
    if pairing.ended is None:
        assert (refusal is Refusal.ALREADY_PAIRED) == pairing.is_pair(NOW)
    else:
        assert refusal is not None
    alone = replace(pairing, status=Status.ALONE, partner=None, ended=None)
    assert is_alone(alone)
    assert refuse_to_go_on_alone(alone, NOW) is None


@given(pairings)
def test_b_is_here_whatever_has_become_of_the_code(pairing: Pairing) -> None:
    assert replace(pairing, partner=HERE).is_pair(NOW)
    assert not replace(pairing, partner=None).is_pair(NOW)


def test_b_is_away_when_told_so_and_when_nothing_was_told_for_thirty_seconds() -> None:
    partner = Partner(matched_at=NOW, away=False, seen_at=None)
    assert partner.is_here(NOW + timedelta(seconds=30, microseconds=-1))
    assert not partner.is_here(NOW + timedelta(seconds=30))
    assert replace(partner, seen_at=NOW).is_here(NOW + timedelta(hours=1))
    assert not replace(partner, away=True).is_here(NOW)


@given(partner=partners.filter(lambda one: one is not None), polled_at=moments, now=moments)
def test_b_is_here_for_thirty_seconds_after_a_request_without_a_socket_and_as_before_otherwise(
    partner: Partner, polled_at: datetime, now: datetime
) -> None:
    silent = replace(partner, polled_at=None)
    polling = replace(partner, polled_at=polled_at)
    assert polling.is_here(now) == (now < polled_at + timedelta(seconds=30) or silent.is_here(now))


@given(pairings)
def test_a_session_offers_its_present_generation_or_nothing(pairing: Pairing) -> None:
    offer = pairing.offer()
    if pairing.code_hash is None:
        assert offer is None
    else:
        assert offer is not None
        assert (offer.session_id, offer.generation, offer.former) == (pairing.session_id, pairing.generation, False)


def test_a_place_is_named_by_id_or_short_name_or_not_at_all() -> None:
    place = Place("token", uuid4(), uuid4(), "the-corner", "Europe/Berlin", 4)
    assert place.fits(None)
    assert place.fits(str(place.location_id).upper())
    assert place.fits("the-corner")
    assert not place.fits("the-other-corner")
    assert not place.fits(str(uuid4()))
    assert not replace(place, location_slug=None).fits("None")
