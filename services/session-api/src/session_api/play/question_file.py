"""The file of a question set: one context, one version, several languages, as YAML.

Every question has a text in every language of the set. ``docs/questions.md`` shows the format.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from session_api.data_file import Entry, printable, read_data_file
from session_api.play.domain.decks import Context, Kind

MAX_TEXT, MAX_HINT, MAX_CHOICE = 160, 120, 48
MAX_VERSION = 2_147_483_647
MAX_QUESTIONS, MAX_LANGUAGES = 1_000, 50
NEARLY_THE_SAME = 0.75
"""Two questions of which so large a share of the words is common would get the same answer."""

Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
QuestionId = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT), AfterValidator(printable)]
Hint = Annotated[str, Field(min_length=1, max_length=MAX_HINT), AfterValidator(printable)]
ChoiceText = Annotated[str, Field(min_length=1, max_length=MAX_CHOICE), AfterValidator(printable)]


class ChoiceEntry(Entry):
    id: QuestionId
    text: dict[Language, ChoiceText]


class QuestionEntry(Entry):
    """``choices`` belong to a question of kind ``choice``."""

    id: QuestionId
    kind: Kind
    text: dict[Language, Text]
    hint: dict[Language, Hint] | None = None
    choices: list[ChoiceEntry] | None = Field(default=None, min_length=2, max_length=4)

    @field_validator("choices")
    @classmethod
    def _choices_differ(cls, choices: list[ChoiceEntry] | None) -> list[ChoiceEntry] | None:
        _refuse_twice("choice", [choice.id for choice in choices or ()])
        return choices

    @model_validator(mode="after")
    def _choices_fit_the_kind(self) -> QuestionEntry:
        if (self.kind == "choice") != (self.choices is not None):
            raise ValueError("a question of kind choice has choices, an open one has none")
        return self

    def languages(self) -> list[tuple[str, set[str]]]:
        """Each text of the question with the languages it has."""
        texts = [("text", set(self.text)), *((f"choice {one.id}", set(one.text)) for one in self.choices or ())]
        return texts if self.hint is None else [*texts, ("hint", set(self.hint))]


class QuestionFile(Entry):
    """``languages``: the first is the one that others fall back to."""

    context: Context
    version: int = Field(strict=True, ge=1, le=MAX_VERSION)
    languages: list[Language] = Field(min_length=1, max_length=MAX_LANGUAGES)
    questions: list[QuestionEntry] = Field(min_length=1, max_length=MAX_QUESTIONS)

    @field_validator("languages")
    @classmethod
    def _languages_differ(cls, languages: list[Language]) -> list[Language]:
        _refuse_twice("language", languages)
        return languages

    @field_validator("questions")
    @classmethod
    def _questions_differ(cls, questions: list[QuestionEntry], info: ValidationInfo) -> list[QuestionEntry]:
        _refuse_twice("question", [question.id for question in questions])
        return questions

    @model_validator(mode="after")
    def _every_text_in_every_language(self) -> QuestionFile:
        wanted = set(self.languages)
        faults = [
            f"{question.id}: {what} has {', '.join(sorted(found)) or 'no language'}, not {', '.join(self.languages)}"
            for question in self.questions
            for what, found in question.languages()
            if found != wanted
        ]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @model_validator(mode="after")
    def _no_question_twice_in_other_words(self) -> QuestionFile:
        first = self.languages[0]
        words = [(question.id, _words(question.text.get(first, ""))) for question in self.questions]
        faults = [
            f"{other} is nearly the same as {one}"
            for position, (one, ours) in enumerate(words)
            for other, theirs in words[position + 1 :]
            if len(ours & theirs) >= NEARLY_THE_SAME * max(1, min(len(ours), len(theirs)))
        ]
        if faults:
            raise ValueError("; ".join(faults))
        return self


def read_question_file(path: Path) -> QuestionFile:
    """The file's content. Raises DataFileInvalid with every fault."""
    return read_data_file(path, QuestionFile)


def included_question_files() -> list[Path]:
    """The sets that come with Twotop, one for each context."""
    return sorted((Path(__file__).parent / "questions").glob("*.yaml"))


def _words(text: str) -> set[str]:
    """The words of a text that carry meaning: four letters and more, without case and accents."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(one))
    return set(re.findall(r"\w{4,}", plain))


def _refuse_twice(what: str, ids: list[str]) -> None:
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise ValueError(f"{what} given twice: {', '.join(twice)}")
