"""The published test vectors of decks, computed by the code and again from the description alone."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from session_api.play.domain.decks import Place, deck_key, order

VECTORS = json.loads((Path(__file__).parents[2] / "docs" / "deck-vectors.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("deck", VECTORS["decks"], ids=lambda deck: deck["key"][-40:])
def test_a_published_deck_is_what_the_code_and_the_description_say(deck: dict[str, Any]) -> None:
    ids = deck.get("ids", VECTORS["ids"])
    place = Place(UUID(deck["location_id"]), UUID(deck["table_id"]), date.fromisoformat(deck["service_day"]))
    key = deck_key(place, deck["context"], deck["set_version"], deck["round"])
    assert key.decode() == deck["key"]
    assert order(key, ids) == deck["order"]
    ranks = [hmac.new(deck["key"].encode(), one.encode(), hashlib.sha256).digest() for one in deck["order"]]
    assert ranks == sorted(ranks)
