"""What can happen in a game. Part of the session's log, so these live for ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from session_api.play.domain.decks import Context

Move = Literal["next", "previous", "skip"]
Change = Literal["afresh", "context"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One phone's answer to the question shown: a choice's id, or free text."""

    participant_id: UUID
    answer: str


@dataclass(frozen=True, slots=True)
class ContextChosen:
    """The party's relationship stage, which selects the deck. Before the game has begun readiness starts over."""

    context: Context


@dataclass(frozen=True, slots=True)
class MatureOptedIn:
    """One phone agreed to the mature deck, for itself alone."""

    participant_id: UUID


@dataclass(frozen=True, slots=True)
class ReadyChanged:
    """One phone of a pair is ready, or not any more."""

    participant_id: UUID
    ready: bool


@dataclass(frozen=True, slots=True)
class BothReady:
    """Everybody who has to be asked is ready: the game opens its first question, or goes on where it was."""


@dataclass(frozen=True, slots=True)
class QuestionShown:
    """This question lies open now. ``position`` counts from 1 to ``size``; set version and round fix the deck."""

    question_id: str
    position: int
    size: int
    context: Context
    set_version: int
    round: int


@dataclass(frozen=True, slots=True)
class NextRequested:
    """One phone of a pair would like to move on, go back or skip."""

    participant_id: UUID
    wish: Move


@dataclass(frozen=True, slots=True)
class NextWithdrawn:
    """That phone does not want it any more."""

    participant_id: UUID


@dataclass(frozen=True, slots=True)
class QuestionAdvanced:
    """A question was left. ``alone``: the other phone had been away for too long to be asked."""

    question_id: str
    direction: Move
    alone: bool


@dataclass(frozen=True, slots=True)
class HintRevealed:
    """The hint of the question shown may be read."""

    question_id: str


@dataclass(frozen=True, slots=True)
class AnswerGiven:
    """One phone has answered. What it answered is kept from every phone until ``AnswersRevealed``."""

    participant_id: UUID
    question_id: str
    answer: str


@dataclass(frozen=True, slots=True)
class AnswersRevealed:
    """Both have answered, and may read both answers."""

    question_id: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class DeckFinished:
    """Every question of the deck has been shown."""

    context: Context
    round: int
    size: int


@dataclass(frozen=True, slots=True)
class ChangeRequested:
    """One phone of a pair would like to start afresh, or another context (then ``context`` names it)."""

    participant_id: UUID
    change: Change
    context: Context | None


@dataclass(frozen=True, slots=True)
class ChangeWithdrawn:
    participant_id: UUID


@dataclass(frozen=True, slots=True)
class StartedAfresh:
    """A new round of the same context, in an order of its own."""

    context: Context
    round: int


PlayEvent = (
    ContextChosen
    | MatureOptedIn
    | ReadyChanged
    | BothReady
    | QuestionShown
    | NextRequested
    | NextWithdrawn
    | QuestionAdvanced
    | HintRevealed
    | AnswerGiven
    | AnswersRevealed
    | DeckFinished
    | ChangeRequested
    | ChangeWithdrawn
    | StartedAfresh
)
