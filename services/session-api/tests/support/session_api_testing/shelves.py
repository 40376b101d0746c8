"""Question sets for tests: small, with every kind of question, in as many versions as wanted."""

from __future__ import annotations

from session_api.play.domain.decks import CONTEXTS, Context, Question, QuestionSet, SetNotLoaded


def small_set(context: Context, version: int = 1, size: int = 5) -> QuestionSet:
    """Open questions, some with a hint, and every third with choices ``left`` and ``right``."""
    return QuestionSet(
        context,
        version,
        tuple(
            Question(
                f"{context}-{version}-{number}",
                choices=("left", "right") if number % 3 == 2 else (),
                has_hint=number % 2 == 0,
            )
            for number in range(1, size + 1)
        ),
    )


class TestShelf:
    """All three contexts from the beginning; ``publish`` adds a version."""

    __test__ = False

    def __init__(self, size: int = 5) -> None:
        self._size = size
        self._sets: dict[Context, list[QuestionSet]] = {context: [small_set(context, 1, size)] for context in CONTEXTS}

    def publish(self, context: Context) -> None:
        self._sets[context].append(small_set(context, len(self._sets[context]) + 1, self._size))

    def newest(self, context: Context) -> QuestionSet | None:
        return self._sets[context][-1]

    def find(self, context: Context, version: int) -> QuestionSet:
        if version > len(self._sets[context]):
            raise SetNotLoaded(context, version)
        return self._sets[context][version - 1]
