"""Bodies of the question paths."""

from __future__ import annotations

from pydantic import BaseModel, Field

from session_api.play.domain.decks import Context, Kind
from session_api.play.stored_set import StoredQuestion, StoredSet


class ChoiceBody(BaseModel):
    id: str
    text: str


class QuestionBody(BaseModel):
    question_id: str
    kind: Kind
    text: str
    hint: str | None
    choices: list[ChoiceBody] = Field(description="empty for an open question")


class QuestionSetBody(BaseModel):
    """Not in the order of any deck: a session's events say which question comes when."""

    context: Context
    version: int
    language: str = Field(description="of the texts: the one asked for, or the set's first")
    languages: list[str]
    questions: list[QuestionBody]

    @classmethod
    def of(cls, stored: StoredSet, language: str | None) -> QuestionSetBody:
        """The set in ``language``, whatever its region or script, or in the set's first when it has no such."""
        primary = (language or "").partition("-")[0].lower()
        spoken = primary if primary in stored.languages else stored.languages[0]
        return cls(
            context=stored.context,
            version=stored.version,
            language=spoken,
            languages=list(stored.languages),
            questions=[_question(entry, spoken) for entry in stored.questions],
        )


def _question(entry: StoredQuestion, language: str) -> QuestionBody:
    return QuestionBody(
        question_id=entry.id,
        kind=entry.kind,
        text=entry.text[language],
        hint=None if entry.hint is None else entry.hint[language],
        choices=[ChoiceBody(id=choice.id, text=choice.text[language]) for choice in entry.choices or ()],
    )
