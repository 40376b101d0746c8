"""HTTP of the question paths. ``app.state.play`` is a PlayApi, set by bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from session_api.play.domain.decks import Context
from session_api.play.errors import question_set_not_found
from session_api.play.question_file import MAX_VERSION
from session_api.play.schemas import QuestionSetBody
from session_api.play.shelf import QuestionShelf
from twotop_common.service_defaults.app import ERROR_RESPONSES
from twotop_common.service_defaults.rate_limits import ADDRESS, RateLimiter, client_of

router = APIRouter(tags=["questions"])

_PROBLEM: dict[str, Any] = {"content": ERROR_RESPONSES["default"]["content"]}
FOR_EVER = "public, max-age=31536000, immutable"
FOR_A_MINUTE = "public, max-age=60"


Version = Annotated[int | None, Query(ge=1, le=MAX_VERSION, description="the newest when not given")]
Language = Annotated[
    str | None, Query(max_length=10, description="such as `vi` or `vi-VN`; the set's first when unknown")
]


@dataclass(frozen=True, slots=True)
class PlayApi:
    """What the question paths need."""

    shelf: QuestionShelf
    limiter: RateLimiter


async def _play(request: Request) -> PlayApi:
    play: PlayApi = request.app.state.play
    return play


@router.get(
    "/question-sets/{context}",
    summary="The questions of a context in one language",
    responses={
        404: {"description": "`question_set_not_found`", **_PROBLEM},
        429: {"description": "`rate_limited`", **_PROBLEM},
    },
)
async def get_question_set(
    context: Context,
    *,
    play: Annotated[PlayApi, Depends(_play)],
    request: Request,
    response: Response,
    version: Version = None,
    language: Language = None,
) -> QuestionSetBody:
    """Texts, hints and choices. A version never changes, so a request that names one can be answered from a cache."""
    await play.limiter.hit(ADDRESS, client_of(request))
    newest = play.shelf.newest(context)
    wanted = version if version is not None else newest.version if newest else None
    stored = None if wanted is None else await play.shelf.fetch(context, wanted)
    if stored is None:
        raise question_set_not_found()
    response.headers["Cache-Control"] = FOR_A_MINUTE if version is None else FOR_EVER
    return QuestionSetBody.of(stored, language)
