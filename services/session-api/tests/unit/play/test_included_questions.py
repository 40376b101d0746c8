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
# What a clause begins with, or in Vietnamese also ends with, that yes or no answers.
YES_OR_NO = {
    "en": r"^((and|or|but|so|then) )?(do|does|did|have|has|had|is|are|was|were|am|can|could|would|will|should|shall|may"
    r"|might|must)\b",
    "vi": r"^(có phải|liệu|phải chăng|((hai )?bạn (có|đã)))\b(?!.*\b(nào|gì|đâu|sao|ai|mấy|bao)\b)"
    r"|\b(không|chưa|à|hả|nhỉ)$",
    "es": r"^((y|o|pero) )?(te|has|hay|eres|estás|es|está|tienes|puedes|podrías|quieres|querrías|crees|piensas"
    r"|prefieres|sueles|alguna vez|sabes|recuerdas|serías|harías|irías|dirías|han|son|tienen|pueden)\b",
    "de": r"^((und|oder|aber) )?(hast|habt|bist|seid|ist|sind|war|warst|kannst|könntest|könntet|würdest|würdet|willst"
    r"|magst|möchtest|glaubst|gibt|wäre|wärst|wärt|hättest|hättet|darf|soll|wird|wirst|werdet)\b",
}
# A clause that begins with one of these, or with one word and one of these, asks for more than yes or no.
ASKING = {
    "en": r"^(\w+ )?(what|which|who|whose|whom|where|when|why|how)\b",
    "vi": r"(?!)",
    "es": r"^(\w+ )?(qué|cuál|cuáles|quién|quiénes|dónde|adónde|cuándo|cuánto|cuánta|cuántos|cuántas|cómo)\b",
    "de": r"^(\w+ )?(was|welche\w*|wer|wen|wem|wessen|wo\w*|wann|warum|weshalb|wie)\b",
}


def answered_by_yes_or_no(text: str, language: str) -> bool:
    """Whether a clause of a question asks for yes or no, and none before it for more."""
    for question in re.findall(r"[^.?!]*\?", text.lower()):
        for clause in map(str.strip, re.findall(r"[^,:;–—…¿?]+", question)):
            if re.search(ASKING[language], clause):
                break
            if re.search(YES_OR_NO[language], clause):
                return True
    return False


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
    assert [one for one, text in texts.items() if answered_by_yes_or_no(text, language)] == []


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("en", "If a song were playing now, would you dance?", True),
        ("en", "Picture your first kitchen. Is the window open?", True),
        ("en", "Which tears, happy or sad, are you glad you shed?", False),
        ("vi", "Nếu được chọn lại, bạn có ngồi bàn này không?", True),
        ("vi", "Gần đây nhất, bạn đã can đảm làm chuyện gì?", False),
        ("es", "Si sonara una canción ahora, ¿te animarías a bailar?", True),
        ("es", "Si sonara una canción ahora, ¿cuál sería?", False),
        ("de", "Wenn jetzt Musik liefe, würdest du tanzen?", True),
        ("de", "Welchen Ort, keine Stunde von hier, habt ihr noch nie erkundet?", False),
    ],
)
def test_yes_or_no_is_found_in_the_clause_that_asks(language: str, text: str, found: bool) -> None:
    assert answered_by_yes_or_no(text, language) is found


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
