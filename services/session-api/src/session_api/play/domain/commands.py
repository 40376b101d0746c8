"""What phones may ask of the game, and what time asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import Strict, StringConstraints

from session_api.play.domain.decks import Context

MAX_ANSWER = 500
AnswerText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_ANSWER)]
QuestionId = Annotated[str, StringConstraints(min_length=1, max_length=80)]


@dataclass(frozen=True, slots=True)
class ChooseContext:
    context: Context


@dataclass(frozen=True, slots=True)
class OptInMature:
    pass


@dataclass(frozen=True, slots=True)
class SetReady:
    ready: Annotated[bool, Strict()]


@dataclass(frozen=True, slots=True)
class CardCommand:
    """A command about the open card. One that names a card which no longer lies open changes nothing."""

    question_id: QuestionId | None = None


@dataclass(frozen=True, slots=True)
class RequestNext(CardCommand):
    pass


@dataclass(frozen=True, slots=True)
class WithdrawNext:
    """Takes back whatever the phone has asked for."""


@dataclass(frozen=True, slots=True)
class Previous(CardCommand):
    pass


@dataclass(frozen=True, slots=True)
class Skip(CardCommand):
    pass


@dataclass(frozen=True, slots=True)
class Reveal(CardCommand):
    """Show the hint."""


@dataclass(frozen=True, slots=True)
class GiveAnswer:
    """``answer`` is a choice's id, or free text for an open question."""

    question_id: QuestionId
    answer: AnswerText


@dataclass(frozen=True, slots=True)
class StartAfresh:
    pass


@dataclass(frozen=True, slots=True)
class ReleaseWishes:
    """``absent`` phones have been away for long enough: what one still there has asked for takes effect."""

    absent: frozenset[UUID]


WISHES = (ChooseContext, SetReady, RequestNext, Previous, Skip, StartAfresh)
"""With two phones these take effect when both have asked for them."""

PlayCommand = (
    ChooseContext
    | OptInMature
    | SetReady
    | RequestNext
    | WithdrawNext
    | Previous
    | Skip
    | Reveal
    | GiveAnswer
    | StartAfresh
)
