"""Importing question sets, and reading them over HTTP."""

from __future__ import annotations

import pytest
from session_api_testing.house import House

from session_api.data_file import DataFileInvalid
from session_api.play.importing import ImportedQuestions, import_questions
from session_api.play.question_file import QuestionFile, included_question_files, read_question_file
from session_api.play.tables import QuestionSetRow

pytestmark = pytest.mark.integration
EXPLORING = next(file for file in map(read_question_file, included_question_files()) if file.context == "exploring")


async def load(house: House, file: QuestionFile) -> ImportedQuestions:
    async with house.app.state.venues.sessions.begin() as session:
        imported = await import_questions(session, file, house.deps.now())
    await house.app.state.play.shelf.refresh()
    return imported


async def test_a_version_is_imported_once_and_never_changed(house: House) -> None:
    assert (await load(house, EXPLORING)).change == "added"
    assert (await load(house, EXPLORING)).change == "unchanged"
    fewer = EXPLORING.model_copy(update={"questions": EXPLORING.questions[:-1]})
    with pytest.raises(DataFileInvalid, match="with other content"):
        await load(house, fewer)
    assert (await load(house, fewer.model_copy(update={"version": 3}))).change == "added"
    with pytest.raises(DataFileInvalid, match="is older than 3"):
        await load(house, fewer.model_copy(update={"version": 2}))


async def test_questions_are_read_in_the_language_asked_for(house: House) -> None:
    await load(house, EXPLORING)
    answer = await house.client.get("/api/v1/question-sets/exploring", params={"version": 1, "language": "vi"})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    body = answer.json()
    assert (body["language"], body["languages"], body["version"]) == ("vi", ["en", "vi", "es", "de"], 1)
    texts = {question["question_id"]: question["text"] for question in body["questions"]}
    assert texts == {question.id: question.text["vi"] for question in EXPLORING.questions}
    for wanted, spoken in (("vi-VN", "vi"), ("ES", "es"), ("de-AT", "de"), ("video", "en")):
        regional = await house.client.get("/api/v1/question-sets/exploring", params={"language": wanted})
        assert regional.json()["language"] == spoken
    unknown = await house.client.get("/api/v1/question-sets/exploring", params={"language": "fr"})
    assert unknown.json()["language"] == "en"
    assert unknown.headers["cache-control"] == "public, max-age=60"


async def test_a_stored_set_is_read_whatever_an_import_would_say_of_it_today(house: House) -> None:
    await load(house, EXPLORING)
    document = EXPLORING.model_dump(mode="json") | {"version": 2}
    # Too long, twice, blank and in too few languages for the rules of an import.
    document["questions"] = [one | {"text": one["text"] | {"en": "Why? " * 99}} for one in document["questions"][:2]]
    document["questions"][1]["hint"] = {"en": " "}
    async with house.app.state.venues.sessions.begin() as session:
        session.add(QuestionSetRow(context="exploring", version=2, document=document, imported_at=house.deps.now()))
    await house.app.state.play.shelf.refresh()
    newest = (await house.client.get("/api/v1/question-sets/exploring")).raise_for_status().json()
    assert (newest["version"], len(newest["questions"])) == (2, 2)
    assert (await load(house, EXPLORING.model_copy(update={"version": 3}))).change == "added"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("exploring", 404, "question_set_not_found"),
        ("exploring?version=7", 404, "question_set_not_found"),
        ("exploring?version=0", 422, "invalid_field"),
        ("dating", 422, "invalid_field"),
    ],
)
async def test_what_is_not_there_is_told_with_its_code(house: House, path: str, status: int, code: str) -> None:
    answer = await house.client.get(f"/api/v1/question-sets/{path}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
