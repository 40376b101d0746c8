"""The order of a deck: the same everywhere, another for another deck, every question once."""

from __future__ import annotations

import hashlib
import hmac
from datetime import date
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from session_api_testing.shelves import small_set

from session_api.play.domain.decks import Place, deal, deck_key, order

PLACE = Place(
    UUID("6f9619ff-8b86-4d11-b42d-00c04fc964ff"), UUID("7c9e6679-7425-40de-944b-e07fc1f90ae7"), date(2026, 5, 2)
)
IDS = ["first-market", "window-or-aisle", "lost-key", "sunday-smell", "borrowed-song", "last-bite"]


def test_the_key_is_the_deck_context_as_text() -> None:
    assert deck_key(PLACE, "exploring", 3, 1) == (
        b"twotop-deck/1|6f9619ff-8b86-4d11-b42d-00c04fc964ff|7c9e6679-7425-40de-944b-e07fc1f90ae7"
        b"|exploring|2026-05-02|3|1"
    )


@given(st.binary(max_size=40), st.lists(st.text(max_size=20)))
def test_questions_come_in_the_order_of_their_ranks_and_each_once(key: bytes, ids: list[str]) -> None:
    ranked = order(key, ids)
    assert sorted(ranked) == sorted(set(ids))
    ranks = [hmac.new(key, one.encode(), hashlib.sha256).hexdigest() for one in ranked]
    assert ranks == sorted(ranks)


@given(st.permutations(IDS))
def test_the_order_does_not_depend_on_the_order_in_the_file(ids: list[str]) -> None:
    assert order(b"key", ids) == order(b"key", IDS)


def test_every_part_of_the_deck_context_gives_another_order() -> None:
    ids = [f"question-{number}" for number in range(60)]
    elsewhere = Place(UUID(int=1), PLACE.table_id, PLACE.service_day)
    beside = Place(PLACE.location_id, UUID(int=2), PLACE.service_day)
    tomorrow = Place(PLACE.location_id, PLACE.table_id, date(2026, 5, 3))
    keys = [
        deck_key(PLACE, "exploring", 1, 1),
        deck_key(elsewhere, "exploring", 1, 1),
        deck_key(beside, "exploring", 1, 1),
        deck_key(tomorrow, "exploring", 1, 1),
        deck_key(PLACE, "mature", 1, 1),
        deck_key(PLACE, "exploring", 2, 1),
        deck_key(PLACE, "exploring", 1, 2),
    ]
    assert len({tuple(order(key, ids)) for key in keys}) == len(keys)


def test_a_deck_deals_every_question_of_its_set() -> None:
    questions = small_set("established", size=60)
    assert set(deal(PLACE, questions, 1)) == set(questions.questions)
    assert deal(PLACE, questions, 1) == deal(PLACE, questions, 1)
