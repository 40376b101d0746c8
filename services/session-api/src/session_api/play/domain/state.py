"""Where a game stands. Positions are kept per context, so that no card comes twice when a party changes its mind."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from session_api.play.domain.decks import Context
from session_api.play.domain.events import Answer, Change, Move, QuestionShown


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one context's deck is. ``position`` is ``size + 1`` once it is finished.

    ``furthest`` is the highest position that was laid open in this round.
    """

    context: Context
    set_version: int
    round: int
    position: int
    size: int
    question_id: str
    furthest: int

    @property
    def finished(self) -> bool:
        return self.position > self.size


@dataclass(frozen=True, slots=True)
class Wish:
    """What one phone of a pair has asked for and the other has not yet agreed to."""

    participant_id: UUID
    want: Move | Change
    context: Context | None = None


@dataclass(frozen=True, slots=True)
class PlayState:
    """``opted_in``, ``ready``, wishes and answers belong to phones on the roster.

    ``answers`` are those to the question shown; they may be read by both once ``revealed``.
    """

    context: Context | None = None
    opted_in: frozenset[UUID] = frozenset()
    ready: frozenset[UUID] = frozenset()
    both_ready: bool = False
    decks: tuple[Progress, ...] = ()
    wishes: tuple[Wish, ...] = ()
    answers: tuple[Answer, ...] = ()
    revealed: bool = False
    hint_revealed: bool = False

    @property
    def progress(self) -> Progress | None:
        """Of the present context's deck; None before its first question."""
        return None if self.context is None else self.deck(self.context)

    @property
    def open_question(self) -> str | None:
        """The question that lies open, None before the first and after the last."""
        progress = self.progress
        return None if progress is None or progress.finished else progress.question_id

    def deck(self, context: Context) -> Progress | None:
        """How far this context's deck is; None before its first question."""
        return next((deck for deck in self.decks if deck.context == context), None)

    def has_finished(self, context: Context) -> bool:
        """Whether this context's deck was played to its end in its present round."""
        return any(deck.context == context and deck.finished for deck in self.decks)

    def has_seen(self, shown: QuestionShown) -> bool:
        """Whether this question was laid open before, in the same round."""
        deck = self.deck(shown.context)
        return deck is not None and deck.round == shown.round and shown.position <= deck.furthest

    def awaited(self, present: frozenset[UUID]) -> frozenset[UUID]:
        """Those of the phones ``present`` on the roster without whom another's wish would take effect."""
        wishers = {wish.participant_id for wish in self.wishes if wish.context != "mature"}
        if not self.both_ready and (self.context != "mature" or present <= self.opted_in):
            wishers |= self.ready
        return frozenset(phone for phone in present if wishers - {phone})

    def wish_of(self, participant_id: UUID) -> Wish | None:
        return next((wish for wish in self.wishes if wish.participant_id == participant_id), None)
