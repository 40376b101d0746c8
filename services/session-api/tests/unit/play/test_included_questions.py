"""The questions that come with Twotop: enough of them, in every language, none twice, none that yes or no answers."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from session_api.play.domain.decks import CONTEXTS
from session_api.play.question_file import (
    QuestionFile,
    faults_between_questions,
    included_question_files,
    read_question_file,
)

FILES = {file.context: file for file in map(read_question_file, included_question_files())}
LANGUAGES = ["en", "vi", "es", "de"]
YES_OR_NO = {
    "en": r"^(do|does|did|have|has|had|is|are|was|were|am|can|could|would|will|should|shall|may|might|must)\b",
    "vi": r"^(có phải|liệu|phải chăng|bạn có|hai bạn có|bạn đã)\b.*\?$|\b(không|chưa|à|hả|nhỉ)\?$",
    "es": r"^¿(te|has|hay|eres|estás|tienes|puedes|podrías|quieres|crees|piensas|prefieres|sueles|alguna vez|sabes)\b",
    "de": r"^(hast|habt|bist|seid|ist|sind|war|warst|kannst|könntest|würdest|willst|magst|möchtest|glaubst|gibt)\b",
}


@pytest.mark.parametrize("context", CONTEXTS)
def test_every_context_has_sixty_questions_of_both_kinds_in_four_languages(context: str) -> None:
    file = FILES[context]
    assert file.languages == LANGUAGES
    assert len(file.questions) >= 60
    assert {question.kind for question in file.questions} == {"open", "choice"}
    assert any(question.hint for question in file.questions)


@pytest.mark.parametrize("file", FILES.values(), ids=FILES.keys())
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_question_asks_and_none_is_answered_with_yes_or_no(file: QuestionFile, language: str) -> None:
    texts = {question.id: question.text[language] for question in file.questions}
    assert [one for one, text in texts.items() if "?" not in text] == []
    assert [one for one, text in texts.items() if re.search(YES_OR_NO[language], text.lower())] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_stands_twice_in_any_language_and_no_id_in_two_contexts(language: str) -> None:
    questions = [question for file in FILES.values() for question in file.questions]
    assert len({question.id for question in questions}) == len(questions)
    assert len({question.text[language].lower() for question in questions}) == len(questions)


def test_no_question_is_nearly_another_of_any_context() -> None:
    for one, other in combinations(FILES.values(), 2):
        merged = [question.model_dump() for question in (*one.questions, *other.questions)]
        assert list(faults_between_questions({**one.model_dump(), "questions": merged})) == []


@pytest.mark.parametrize("file", FILES.values(), ids=FILES.keys())
def test_spanish_questions_open_and_close(file: QuestionFile) -> None:
    for question in file.questions:
        assert question.text["es"].count("¿") == question.text["es"].count("?")
