"""The rules of play: context, opt-in and the both-ready ritual. Pure; one decide and one evolve for its own part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal, get_args
from uuid import UUID

from pydantic import Strict

Context = Literal["exploring", "established", "mature"]
CONTEXTS: tuple[Context, ...] = get_args(Context)


@dataclass(frozen=True, slots=True)
class ContextChosen:
    """The party's relationship stage, which selects the deck. Readiness starts over."""

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
    """Both phones of the pair are ready: the game may open its first question."""


PlayEvent = ContextChosen | MatureOptedIn | ReadyChanged | BothReady


@dataclass(frozen=True, slots=True)
class ChooseContext:
    context: Context


@dataclass(frozen=True, slots=True)
class OptInMature:
    pass


@dataclass(frozen=True, slots=True)
class SetReady:
    ready: Annotated[bool, Strict()]


PlayCommand = ChooseContext | OptInMature | SetReady


@dataclass(frozen=True, slots=True)
class PlayState:
    """``opted_in`` and ``ready`` hold participant ids of phones on the roster."""

    context: Context | None = None
    opted_in: frozenset[UUID] = frozenset()
    ready: frozenset[UUID] = frozenset()
    both_ready: bool = False


class NotNow(Exception):
    """The rules refuse the command in this position. ``reason`` is stable and shown to clients."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decide(play: PlayState, command: PlayCommand, actor: UUID, present: frozenset[UUID]) -> list[PlayEvent]:
    """What ``command`` by ``actor`` changes; ``present`` are the phones on the roster. Raises NotNow."""
    match command:
        case ChooseContext(context):
            return _choose_context(play, context, actor, present)
        case OptInMature():
            if play.context != "mature":
                raise NotNow("context_not_mature")
            return [] if actor in play.opted_in else [MatureOptedIn(actor)]
        case SetReady(ready):
            return _set_ready(play, ready, actor, present)


def _choose_context(play: PlayState, context: Context, actor: UUID, present: frozenset[UUID]) -> list[PlayEvent]:
    if play.context == context:
        return []
    if play.both_ready:
        raise NotNow("already_started")
    if play.context is not None and len(present) > 1:
        raise NotNow("context_needs_both")
    chosen: list[PlayEvent] = [ContextChosen(context)]
    if context == "mature":
        chosen.append(MatureOptedIn(actor))
    return chosen


def _set_ready(play: PlayState, ready: bool, actor: UUID, present: frozenset[UUID]) -> list[PlayEvent]:
    if play.both_ready:
        if ready:
            return []
        raise NotNow("already_started")
    if len(present) < 2:
        raise NotNow("partner_missing")
    if play.context is None:
        raise NotNow("context_missing")
    if ready and play.context == "mature" and actor not in play.opted_in:
        raise NotNow("mature_opt_in_missing")
    if ready == (actor in play.ready):
        return []
    changed: list[PlayEvent] = [ReadyChanged(actor, ready)]
    if ready and present <= play.ready | {actor}:
        changed.append(BothReady())
    return changed


def evolve(play: PlayState, event: PlayEvent) -> PlayState:
    """The position after ``event``."""
    match event:
        case ContextChosen(context):
            return PlayState(context=context)
        case MatureOptedIn(participant_id):
            return replace(play, opted_in=play.opted_in | {participant_id})
        case ReadyChanged(participant_id, True):
            return replace(play, ready=play.ready | {participant_id})
        case ReadyChanged(participant_id, False):
            return replace(play, ready=play.ready - {participant_id})
        case BothReady():
            return replace(play, both_ready=True)
        case _:  # pragma: no cover
            raise TypeError(type(event).__name__)


def with_new_company(play: PlayState, present: frozenset[UUID]) -> PlayState:
    """The position when a phone joined or left: the ritual starts over, opt-ins of those still here stay."""
    return PlayState(context=play.context, opted_in=play.opted_in & present)
