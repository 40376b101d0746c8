"""Import of a question set: a new version is added; one that was imported before stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from session_api.data_file import DataFileInvalid
from session_api.play import queries
from session_api.play.domain.decks import Context
from session_api.play.question_file import QuestionFile
from session_api.play.stored_set import StoredSet


@dataclass(frozen=True, slots=True)
class ImportedQuestions:
    """``unchanged``: this very version was imported before."""

    context: Context
    version: int
    questions: int
    languages: tuple[str, ...]
    change: Literal["added", "unchanged"]


async def import_questions(session: AsyncSession, file: QuestionFile, now: datetime) -> ImportedQuestions:
    """Store the set in the session's transaction; the caller commits.

    Sessions under way keep the version they began with; the next deck is dealt from the newest. Raises DataFileInvalid
    for a version that is not newer than those imported, unless it is one of them, unchanged.
    """
    wanted = StoredSet.model_validate(file.model_dump())
    known = await queries.find_question_set(session, file.context, file.version)
    if known is None:
        newest = (await queries.newest_versions(session)).get(file.context, 0)
        if file.version < newest:
            raise DataFileInvalid([f"{file.context}: version {file.version} is older than {newest}, imported before"])
        queries.add_question_set(session, wanted, now)
    elif known != wanted:
        raise DataFileInvalid(
            [f"{file.context}: version {file.version} was imported with other content; give this one a new version"]
        )
    return ImportedQuestions(
        file.context,
        file.version,
        len(file.questions),
        tuple(file.languages),
        "added" if known is None else "unchanged",
    )
