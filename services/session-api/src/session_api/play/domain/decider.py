"""The rules of play. ``decide`` says what a command changes, ``evolve`` what an event leaves behind. Pure.

Invariants
- A question is shown for the second time only when the phones went back to it, or to go on after a change of company or
  context.
- With two phones nothing moves unless both ask for it, or one asks and the other has been away for 20 s (``absent``):
  being ready is a wish like the others. The mature deck is never opened without the opt-in of every phone on the
  roster.
- Answers are revealed only when both phones have answered the question that lies open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from session_api.play.domain import commands as c
from session_api.play.domain import events as e
from session_api.play.domain.decks import Context, Place, Question, QuestionSet, Shelf, deal
from session_api.play.domain.state import PlayState, Progress, Wish

_FORWARD = frozenset({"next", "skip"})


class NotNow(Exception):
    """The rules refuse the command in this position. ``reason`` is stable and shown to clients."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Game:
    """A position with what the rules need besides it.

    ``present`` are the phones on the roster, ``absent`` those of them that have been away for too long to be asked.
    ``paired`` says whether this is a game for two phones.
    """

    play: PlayState
    paired: bool
    present: frozenset[UUID]
    place: Place
    shelf: Shelf
    absent: frozenset[UUID] = frozenset()

    def deck(self, context: Context, version: int, round_: int) -> tuple[Question, ...]:
        return deal(self.place, self.shelf.find(context, version), round_)

    @property
    def question(self) -> Question:
        """The question that lies open. Raises NotNow."""
        progress = self.play.progress
        if progress is None:
            raise NotNow("no_question_yet")
        if progress.finished:
            raise NotNow("deck_finished")
        if self.paired and not self.play.both_ready and len(self.present) > 1:
            raise NotNow("not_ready")
        return self.deck(progress.context, progress.set_version, progress.round)[progress.position - 1]

    def asked_for_consent(self, wish: Wish) -> frozenset[UUID]:
        """Whose wish it has to be."""
        if wish.context == "mature":
            return self.present
        return self.present - self.absent | {wish.participant_id}


def decide(game: Game, command: c.PlayCommand, actor: UUID) -> list[e.PlayEvent]:
    """What ``command`` by ``actor`` changes; nothing for a repeat. Raises NotNow, SetNotLoaded."""
    if isinstance(command, c.CardCommand) and command.question_id not in (None, game.play.open_question):
        return []
    match command:
        case c.ChooseContext(context):
            return _choose_context(game, context, actor)
        case c.OptInMature():
            if game.play.context != "mature":
                raise NotNow("context_not_mature")
            return [] if actor in game.play.opted_in else [e.MatureOptedIn(actor)]
        case c.SetReady(ready):
            return _set_ready(game, ready, actor)
        case c.RequestNext():
            return _wish(game, Wish(actor, "next"))
        case c.Skip():
            return _wish(game, Wish(actor, "skip"))
        case c.Previous():
            return _wish(game, Wish(actor, "previous"))
        case c.StartAfresh():
            return _wish(game, Wish(actor, "afresh"))
        case c.WithdrawNext():
            return _withdrawn(game.play.wish_of(actor))
        case c.Reveal():
            return _reveal(game)
        case c.GiveAnswer(question_id, answer):
            return _give_answer(game, question_id, answer, actor)


def release(game: Game, absent: frozenset[UUID]) -> list[e.PlayEvent]:
    """What takes effect because ``absent`` phones need not be asked: the wish of one who is still there."""
    game = replace(game, absent=absent)
    for wish in game.play.wishes:
        if wish.participant_id not in game.absent and _agreed(game, wish):
            return _fulfil(game, wish)
    return _begin(game, game.play.ready) if game.play.ready - game.absent else []


def leave(game: Game, leaver: UUID) -> list[e.PlayEvent]:
    """What takes effect because ``leaver`` gave up its place: a wish of the one who stays, but not being ready.

    Before the game has begun the one who stays invites another, or goes on alone.
    """
    stay = replace(game, present=game.present - {leaver}, play=replace(game.play, ready=frozenset()))
    return release(stay, frozenset({leaver}))


def _choose_context(game: Game, context: Context, actor: UUID) -> list[e.PlayEvent]:
    play = game.play
    if play.context == context:
        wish = play.wish_of(actor)
        return _withdrawn(wish) if wish is not None and wish.want == "context" else []
    if play.context is not None and len(game.present) > 1:
        return _wish(game, Wish(actor, "context", context))
    return _change_context(game, context, [actor])


def _set_ready(game: Game, ready: bool, actor: UUID) -> list[e.PlayEvent]:
    play = game.play
    if play.both_ready:
        if ready:
            return []
        raise NotNow("already_started")
    if not game.paired or len(game.present) < 2:
        raise NotNow("partner_missing")
    if play.context is None:
        raise NotNow("context_missing")
    if ready and play.context == "mature" and actor not in play.opted_in:
        raise NotNow("mature_opt_in_missing")
    changed: list[e.PlayEvent] = [] if ready == (actor in play.ready) else [e.ReadyChanged(actor, ready)]
    return [*changed, *_begin(game, play.ready | {actor})] if ready else changed


def _begin(game: Game, ready: frozenset[UUID]) -> list[e.PlayEvent]:
    """Open the deck, unless somebody who has to be asked is not ``ready``."""
    play = game.play
    if play.both_ready or not game.present - game.absent <= ready:
        return []
    if play.context == "mature" and not game.present <= play.opted_in:
        return []
    return [e.BothReady(), *_open(game, play.context)]


def _wish(game: Game, wish: Wish) -> list[e.PlayEvent]:
    """Ask for something: it happens at once where nobody else has to agree."""
    _refuse_unless_possible(game, wish)
    if _agreed(game, wish):
        return _fulfil(game, wish)
    if game.play.wish_of(wish.participant_id) == wish:
        return []
    match wish.want:
        case "next" | "previous" | "skip" as move:
            return [e.NextRequested(wish.participant_id, move)]
        case change:
            return [e.ChangeRequested(wish.participant_id, change, wish.context)]


def _refuse_unless_possible(game: Game, wish: Wish) -> None:
    play, progress = game.play, game.play.progress
    if play.context is None:
        raise NotNow("context_missing")
    if wish.want == "context":
        return
    if game.paired and not play.both_ready:
        if len(game.present) > 1:
            raise NotNow("not_ready")
        if progress is None:
            raise NotNow("partner_missing")
    if progress is None:
        if wish.want != "next":
            raise NotNow("no_question_yet")
        if game.shelf.newest(play.context) is None:
            raise NotNow("no_questions")
    elif progress.finished and wish.want in _FORWARD:
        raise NotNow("deck_finished")
    elif progress.position == 1 and wish.want == "previous":
        raise NotNow("first_question")


def _agreed(game: Game, wish: Wish) -> bool:
    others = game.asked_for_consent(wish) - {wish.participant_id}
    return all(_same(game.play.wish_of(other), wish) for other in others)


def _same(theirs: Wish | None, wish: Wish) -> bool:
    """Moving on and skipping both leave the question behind, so one agrees with the other."""
    if theirs is None:
        return False
    return (theirs.want, theirs.context) == (wish.want, wish.context) or {theirs.want, wish.want} == _FORWARD


def _fulfil(game: Game, wish: Wish) -> list[e.PlayEvent]:
    wishers = [wish.participant_id, *(other for other in game.present if _same(game.play.wish_of(other), wish))]
    match wish.want:
        case "context":
            if wish.context is None:
                raise TypeError("a wish for a context names it")
            return _change_context(game, wish.context, wishers)
        case "afresh":
            return _start_afresh(game)
        case "next" | "previous" | "skip" as direction:
            moves = {direction, *(held.want for other in wishers if (held := game.play.wish_of(other)))}
            moved: e.Move = "next" if moves >= _FORWARD else direction
            return _advance(game, moved, alone=len(set(wishers)) < len(game.present))


def _advance(game: Game, direction: e.Move, *, alone: bool) -> list[e.PlayEvent]:
    progress = game.play.progress
    if progress is None:
        return _open(game, game.play.context)
    deck = game.deck(progress.context, progress.set_version, progress.round)
    target = progress.position - 1 if direction == "previous" else progress.position + 1
    left: list[e.PlayEvent] = []
    if not progress.finished:
        left.append(e.QuestionAdvanced(progress.question_id, direction, alone))
    if target > len(deck):
        return [*left, e.DeckFinished(progress.context, progress.round, len(deck))]
    return [*left, _shown(progress.context, progress.set_version, progress.round, deck, target)]


def _open(game: Game, context: Context | None) -> list[e.PlayEvent]:
    """Show the deck's first question, or the one at which this session left it."""
    if context is None:
        return []
    known = game.play.deck(context)
    if known is None:
        newest = game.shelf.newest(context)
        return [] if newest is None else [_first(game, newest, 1)]
    if known.finished:
        return [e.DeckFinished(context, known.round, known.size)]
    deck = game.deck(context, known.set_version, known.round)
    return [_shown(context, known.set_version, known.round, deck, known.position)]


def _first(game: Game, questions: QuestionSet, round_: int) -> e.QuestionShown:
    deck = deal(game.place, questions, round_)
    return _shown(questions.context, questions.version, round_, deck, 1)


def _shown(context: Context, version: int, round_: int, deck: tuple[Question, ...], position: int) -> e.QuestionShown:
    return e.QuestionShown(deck[position - 1].question_id, position, len(deck), context, version, round_)


def _change_context(game: Game, context: Context, wishers: Iterable[UUID]) -> list[e.PlayEvent]:
    chosen: list[e.PlayEvent] = [e.ContextChosen(context)]
    if context == "mature":
        chosen += [e.MatureOptedIn(wisher) for wisher in sorted(set(wishers))]
    begun = game.play.both_ready or (game.play.progress is not None and len(game.present) == 1)
    return [*chosen, *_open(game, context)] if begun else chosen


def _start_afresh(game: Game) -> list[e.PlayEvent]:
    progress = game.play.progress
    if progress is None:
        raise NotNow("no_question_yet")
    newest = game.shelf.newest(progress.context) or game.shelf.find(progress.context, progress.set_version)
    round_ = progress.round + 1
    return [e.StartedAfresh(progress.context, round_), _first(game, newest, round_)]


def _withdrawn(wish: Wish | None) -> list[e.PlayEvent]:
    if wish is None:
        return []
    if wish.want in ("next", "previous", "skip"):
        return [e.NextWithdrawn(wish.participant_id)]
    return [e.ChangeWithdrawn(wish.participant_id)]


def _reveal(game: Game) -> list[e.PlayEvent]:
    question = game.question
    if not question.has_hint:
        raise NotNow("no_hint")
    return [] if game.play.hint_revealed else [e.HintRevealed(question.question_id)]


def _give_answer(game: Game, question_id: str, answer: str, actor: UUID) -> list[e.PlayEvent]:
    play, question = game.play, game.question
    if question.question_id != question_id:
        raise NotNow("another_question")
    if question.kind == "choice" and answer not in question.choices:
        raise NotNow("no_such_choice")
    if play.revealed:
        raise NotNow("already_revealed")
    given = e.Answer(actor, answer)
    if given in play.answers:
        return []
    answers = {one.participant_id: one for one in (*play.answers, given)}
    answered: list[e.PlayEvent] = [e.AnswerGiven(actor, question_id, answer)]
    if len(game.present) > 1 and game.present <= answers.keys():
        answered.append(e.AnswersRevealed(question_id, tuple(answers[one] for one in sorted(game.present))))
    return answered


def evolve(play: PlayState, event: e.PlayEvent) -> PlayState:
    """The position after ``event``."""
    match event:
        case e.ContextChosen() | e.MatureOptedIn() | e.ReadyChanged() | e.BothReady():
            return _evolve_ritual(play, event)
        case e.QuestionShown() | e.QuestionAdvanced() | e.DeckFinished() | e.StartedAfresh():
            return _evolve_deck(play, event)
        case e.HintRevealed() | e.AnswerGiven() | e.AnswersRevealed():
            return _evolve_question(play, event)
        case e.NextRequested(participant_id, want):
            return _with_wish(play, participant_id, Wish(participant_id, want))
        case e.ChangeRequested(participant_id, change, context):
            return _with_wish(play, participant_id, Wish(participant_id, change, context))
        case e.NextWithdrawn(participant_id) | e.ChangeWithdrawn(participant_id):
            return _with_wish(play, participant_id, None)


def _evolve_ritual(
    play: PlayState, event: e.ContextChosen | e.MatureOptedIn | e.ReadyChanged | e.BothReady
) -> PlayState:
    match event:
        case e.ContextChosen(context):
            ready = play.ready if play.both_ready else frozenset[UUID]()
            return PlayState(context=context, ready=ready, both_ready=play.both_ready, decks=play.decks)
        case e.MatureOptedIn(participant_id):
            return replace(play, opted_in=play.opted_in | {participant_id})
        case e.ReadyChanged(participant_id, True):
            return replace(play, ready=play.ready | {participant_id})
        case e.ReadyChanged(participant_id):
            return replace(play, ready=play.ready - {participant_id})
        case e.BothReady():
            return replace(play, both_ready=True)


def _evolve_deck(
    play: PlayState, event: e.QuestionShown | e.QuestionAdvanced | e.DeckFinished | e.StartedAfresh
) -> PlayState:
    match event:
        case e.QuestionShown():
            return _with_card_turned(play, _progress_at(play, event))
        case e.DeckFinished():
            return _finished(play, event)
        case e.QuestionAdvanced() | e.StartedAfresh():
            return replace(play, wishes=())


def _evolve_question(play: PlayState, event: e.HintRevealed | e.AnswerGiven | e.AnswersRevealed) -> PlayState:
    match event:
        case e.HintRevealed():
            return replace(play, hint_revealed=True)
        case e.AnswerGiven(participant_id, _, answer):
            others = tuple(one for one in play.answers if one.participant_id != participant_id)
            return replace(play, answers=(*others, e.Answer(participant_id, answer)))
        case e.AnswersRevealed(_, answers):
            return replace(play, answers=answers, revealed=True)


def _progress_at(play: PlayState, shown: e.QuestionShown) -> Progress:
    known = play.deck(shown.context)
    return Progress(
        shown.context,
        shown.set_version,
        shown.round,
        shown.position,
        shown.size,
        question_id=shown.question_id,
        furthest=known.furthest if known is not None and play.has_seen(shown) else shown.position,
    )


def _with_card_turned(play: PlayState, progress: Progress) -> PlayState:
    """Another card lies open: what belonged to the one before is over."""
    others = tuple(deck for deck in play.decks if deck.context != progress.context)
    return replace(play, decks=(*others, progress), wishes=(), answers=(), revealed=False, hint_revealed=False)


def _finished(play: PlayState, event: e.DeckFinished) -> PlayState:
    known = play.deck(event.context)
    if known is None:
        raise ValueError("a deck ends only after it began")
    return _with_card_turned(play, replace(known, position=event.size + 1))


def _with_wish(play: PlayState, participant_id: UUID, wish: Wish | None) -> PlayState:
    others = tuple(held for held in play.wishes if held.participant_id != participant_id)
    return replace(play, wishes=others if wish is None else (*others, wish))


def with_newcomer(play: PlayState, present: frozenset[UUID]) -> PlayState:
    """The position when a phone joined: the ritual starts over, the decks and the opt-ins of those still here stay."""
    return PlayState(context=play.context, opted_in=play.opted_in & present, decks=play.decks)


def without_leaver(play: PlayState, present: frozenset[UUID]) -> PlayState:
    """The position when a phone left: what the other wished for happens next. A game that has begun goes on."""
    return replace(
        play,
        opted_in=play.opted_in & present,
        ready=play.ready & present if play.both_ready else frozenset(),
        wishes=(),
        answers=tuple(one for one in play.answers if one.participant_id in present),
    )
