"""The file of a question set: one context, one version, several languages, as YAML.

Every question has a text in every language of the set. ``docs/questions.md`` shows the format.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator, model_validator

from session_api.data_file import (
    DataFileInvalid,
    Entry,
    Fault,
    Place,
    given_twice,
    list_at,
    places,
    printable,
    read_data_file,
)
from session_api.play.domain.decks import Context, Kind

MAX_TEXT, MAX_HINT, MAX_CHOICE = 160, 120, 48
MAX_VERSION = 2_147_483_647
MAX_QUESTIONS, MAX_LANGUAGES = 1_000, 50
NEARLY_THE_SAME = 0.75
"""Two questions of which so large a share of the words is common would get the same answer."""

WRITTEN_IN_SYLLABLES = frozenset({"vi"})
"""Languages in which few words have four letters, and an accent makes another word."""
LONG_WORD, LONG_WORDS_ENOUGH = 4, 3
"""With fewer, or in a script without spaces, the short words of a text count as well."""

LANGUAGE = r"^[a-z]{2,3}$"

Language = Annotated[str, Field(pattern=LANGUAGE)]
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

    @model_validator(mode="after")
    def _choices_fit_the_kind(self) -> QuestionEntry:
        if (self.kind == "choice") != (self.choices is not None):
            raise ValueError("a question of kind choice has choices, an open one has none")
        return self


class QuestionFile(Entry):
    """``languages``: the first is the one that others fall back to."""

    context: Context
    version: int = Field(strict=True, ge=1, le=MAX_VERSION)
    languages: list[Language] = Field(min_length=1, max_length=MAX_LANGUAGES)
    questions: list[QuestionEntry] = Field(min_length=1, max_length=MAX_QUESTIONS)

    @field_validator("languages")
    @classmethod
    def _languages_differ(cls, languages: list[Language]) -> list[Language]:
        if twice := sorted({one for one in languages if languages.count(one) > 1}):
            raise ValueError(f"language given twice: {', '.join(twice)}")
        return languages


def read_question_file(path: Path) -> QuestionFile:
    """The file's content. Raises DataFileInvalid with every fault."""
    return read_data_file(path, QuestionFile, faults_between_questions)


def read_question_files(paths: Iterable[Path]) -> list[QuestionFile]:
    """The content of each. Raises DataFileInvalid with every fault of all of them."""
    files, faults = list[QuestionFile](), list[str]()
    for path in paths:
        try:
            files.append(read_question_file(path))
        except DataFileInvalid as invalid:
            faults += invalid.faults
    if faults:
        raise DataFileInvalid(faults)
    return files


def included_question_files() -> list[Path]:
    """The sets that come with Twotop, one for each context."""
    return sorted((Path(__file__).parent / "questions").glob("*.yaml"))


def faults_between_questions(content: Any) -> Iterator[Fault]:
    """What is given twice, lacks a language of the set, or is nearly another question, in a set as it was read."""
    questions = list_at(content, "questions")[:MAX_QUESTIONS]
    yield from given_twice("question", "id", places(("questions",), questions))
    for place, question in places(("questions",), questions):
        choices = list(places((*place, "choices"), list_at(question, "choices")))
        yield from given_twice("choice", "id", choices)
        yield from _told_twice(choices)
    languages = list_at(content, "languages")
    if languages and all(isinstance(one, str) and re.fullmatch(LANGUAGE, one) for one in languages):
        for place, question in places(("questions",), questions):
            yield from _not_in_every_language(place, question, languages)
        for language in languages:
            yield from _nearly_the_same(questions, language)


def _not_in_every_language(place: Place, question: Any, languages: Sequence[str]) -> Iterator[Fault]:
    choices = places((*place, "choices"), list_at(question, "choices"))
    texts = [
        (place, question, "text"),
        (place, question, "hint"),
        *((here, choice, "text") for here, choice in choices),
    ]
    for here, entry, key in texts:
        text = entry.get(key) if isinstance(entry, dict) else None
        if isinstance(text, dict) and text.keys() != set(languages):
            found = ", ".join(sorted(map(str, text))) or "no language"
            yield (*here, key), f"has {found}, not {', '.join(languages)}"


def _told_twice(choices: Iterable[tuple[Place, Any]]) -> Iterator[Fault]:
    """Choices between which no guest could tell, in any language."""
    seen = set[tuple[Any, str]]()
    for place, choice in choices:
        texts = choice.get("text") if isinstance(choice, dict) else None
        for language, text in texts.items() if isinstance(texts, dict) else ():
            if isinstance(text, str):
                if (language, text.strip().casefold()) in seen:
                    yield (*place, "text", language), f"choice given twice: {text}"
                seen.add((language, text.strip().casefold()))


def _nearly_the_same(questions: Sequence[Any], language: str) -> Iterator[Fault]:
    earlier: list[tuple[str, set[str]]] = []
    for place, question in places(("questions",), questions):
        match question:
            case {"id": str(known), "text": dict(text)} if isinstance(text.get(language), str):
                ours = _words(text[language], language)
                alike = (
                    other
                    for other, theirs in earlier
                    if len(ours & theirs) >= NEARLY_THE_SAME * max(1, min(len(ours), len(theirs)))
                )
                if (first := next(alike, None)) is not None:
                    yield (*place, "text", language), f"is nearly the same as {first}"
                earlier.append((known, ours))


def _words(text: str, language: str) -> set[str]:
    """The words of a text that carry meaning: four letters and more, without case and accents, where there are such."""
    if language in WRITTEN_IN_SYLLABLES:
        return set(re.findall(r"\w+", unicodedata.normalize("NFC", text.lower())))
    plain = "".join(one for one in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(one))
    words = set(re.findall(r"\w+", plain))
    long = {word for word in words if len(word) >= LONG_WORD}
    return long if len(long) >= LONG_WORDS_ENOUGH else words
