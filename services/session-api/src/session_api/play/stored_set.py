"""A question set as it is kept. It was checked when it was imported, so nothing is refused here.

A rule that is made stricter later must not make the versions unreadable with which games are under way.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from session_api.play.domain.decks import Context, Kind


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True)


class StoredChoice(_Stored):
    id: str
    text: dict[str, str]


class StoredQuestion(_Stored):
    """Texts by language. ``choices`` belong to a question of kind ``choice``."""

    id: str
    kind: Kind
    text: dict[str, str]
    hint: dict[str, str] | None = None
    choices: tuple[StoredChoice, ...] | None = None


class StoredSet(_Stored):
    """``languages``: the first is the one that others fall back to."""

    context: Context
    version: int
    languages: tuple[str, ...]
    questions: tuple[StoredQuestion, ...]
