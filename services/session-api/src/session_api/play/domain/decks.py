"""The order of a deck: a pure function of the deck context and the question set, the same in every language (G2).

A deck's key is the UTF-8 text ``twotop-deck/1|location|table|context|service day|version|round`` with ids in
lower-case UUID form, the day as ``YYYY-MM-DD`` and numbers in decimal. Every question has a rank: HMAC-SHA256 with that
key over the UTF-8 of its id. Questions come in ascending order of their ranks, compared as bytes. ``docs/decks.md`` has
test vectors.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal, Protocol, get_args
from uuid import UUID

Context = Literal["exploring", "established", "mature"]
CONTEXTS: tuple[Context, ...] = get_args(Context)
Kind = Literal["open", "choice"]

_SCHEME = "twotop-deck/1"


@dataclass(frozen=True, slots=True)
class Question:
    """What the rules need to know of a question. ``choices`` are ids, none for an open one."""

    question_id: str
    choices: tuple[str, ...] = ()
    has_hint: bool = False

    @property
    def kind(self) -> Kind:
        return "choice" if self.choices else "open"


@dataclass(frozen=True, slots=True, eq=False)
class QuestionSet:
    """One version of the questions for one context. Its content never changes."""

    context: Context
    version: int
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where and on which service day a deck is dealt. With a context this is the deck context."""

    location_id: UUID
    table_id: UUID
    service_day: date


class Shelf(Protocol):
    """The question sets there are."""

    def newest(self, context: Context) -> QuestionSet | None:
        """The newest version for a context; None when nothing was imported."""

    def find(self, context: Context, version: int) -> QuestionSet:
        """One version. Raises SetNotLoaded."""


class SetNotLoaded(Exception):
    """A set that a log speaks of has not been read yet."""

    def __init__(self, context: Context, version: int) -> None:
        super().__init__(f"{context} {version}")
        self.context = context
        self.version = version


class EmptyShelf:
    """Nothing has been imported: phones can pair and get ready, and no question is shown."""

    def newest(self, context: Context) -> QuestionSet | None:
        return None

    def find(self, context: Context, version: int) -> QuestionSet:
        raise SetNotLoaded(context, version)


EMPTY_SHELF = EmptyShelf()


def deck_key(place: Place, context: Context, version: int, round_: int) -> bytes:
    """The key under which a deck's questions are ranked."""
    parts = (_SCHEME, place.location_id, place.table_id, context, place.service_day.isoformat(), version, round_)
    return "|".join(map(str, parts)).encode()


def order(key: bytes, question_ids: Iterable[str]) -> list[str]:
    """The ids as the deck deals them; equal ids are dealt once."""
    return sorted(set(question_ids), key=lambda question_id: hmac.digest(key, question_id.encode(), hashlib.sha256))


@lru_cache(maxsize=4_096)
def deal(place: Place, questions: QuestionSet, round_: int) -> tuple[Question, ...]:
    """The whole deck in its order."""
    by_id = {question.question_id: question for question in questions.questions}
    key = deck_key(place, questions.context, questions.version, round_)
    return tuple(by_id[question_id] for question_id in order(key, by_id))
