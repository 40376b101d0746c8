"""Answers kept under idempotency keys for ten minutes: keyed hashes, and what is needed to say the answer again.

A key is claimed by inserting its row. Two claims of one key at the same time wait for each other on the primary key; a
claim that is visible but unanswered is a request that is still looking for a code.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from pairing.domain import PATIENCE_S
from pairing.tables import AnswerRow

KEPT = timedelta(minutes=10)
ABANDONED_AFTER = timedelta(seconds=PATIENCE_S + 5)
"""No request runs so long, even by another instance's clock; who left a claim behind has died."""


class State(StrEnum):
    """What became of a claimed key."""

    RUNNING = "running"
    MATCHED = "matched"
    INVITED = "invited"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class RequestKey:
    """An idempotency key and a body, as keyed hashes: under every key of the ring, newest first."""

    key_hashes: tuple[str, ...]
    body_hashes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request came to."""

    state: State
    session_id: UUID | None = None
    participant_id: UUID | None = None
    generation: int | None = None
    code_key_id: str | None = None
    answered_at: datetime | None = None
    expires_at: datetime | None = None


class OtherBody(Exception):
    """This key was used for another body."""


# SQLAlchemy compiles an upsert anew every time it is executed; this one is part of every join.
_CLAIM = text("""
INSERT INTO answers (key_hash, body_hash, state, begun_at) VALUES (:key_hash, :body_hash, 'running', :now)
ON CONFLICT (key_hash) DO UPDATE
SET body_hash = excluded.body_hash, state = excluded.state, begun_at = excluded.begun_at, session_id = NULL,
    participant_id = NULL, generation = NULL, code_key_id = NULL, answered_at = NULL, expires_at = NULL
WHERE answers.begun_at <= :kept_from
   OR (answers.state = 'running' AND answers.begun_at <= :alive_from AND answers.body_hash = ANY(:body_hashes))
RETURNING key_hash
""")


async def claim(session: AsyncSession, key: RequestKey, now: datetime) -> Answer | None:
    """None when the key is ours now, else what it was used for. Raises OtherBody."""
    older = key.key_hashes[1:]
    if older:
        answer = await _find(session, key, older, now)
        if answer is not None:
            return answer
    claimed = await session.scalar(
        _CLAIM,
        {
            "key_hash": key.key_hashes[0],
            "body_hash": key.body_hashes[0],
            "body_hashes": list(key.body_hashes),
            "now": now,
            "kept_from": now - KEPT,
            "alive_from": now - ABANDONED_AFTER,
        },
    )
    if claimed is not None:
        return None
    return await _find(session, key, key.key_hashes[:1], now)


async def record(session: AsyncSession, key: RequestKey, answer: Answer) -> None:
    """Keep the answer of a claimed key."""
    await session.execute(
        update(AnswerRow)
        .where(col(AnswerRow.key_hash) == key.key_hashes[0])
        .values(
            state=answer.state.value,
            session_id=answer.session_id,
            participant_id=answer.participant_id,
            generation=answer.generation,
            code_key_id=answer.code_key_id,
            answered_at=answer.answered_at,
            expires_at=answer.expires_at,
        )
        .execution_options(synchronize_session=False)
    )


async def release(session: AsyncSession, key: RequestKey) -> None:
    """Give a claimed key back: nothing happened under it."""
    await session.execute(
        delete(AnswerRow)
        .where(col(AnswerRow.key_hash) == key.key_hashes[0], col(AnswerRow.state) == State.RUNNING.value)
        .execution_options(synchronize_session=False)
    )


async def forget(session: AsyncSession, now: datetime) -> None:
    """Remove what is older than ten minutes."""
    await session.execute(
        delete(AnswerRow).where(col(AnswerRow.begun_at) <= now - KEPT).execution_options(synchronize_session=False)
    )


async def _find(session: AsyncSession, key: RequestKey, key_hashes: tuple[str, ...], now: datetime) -> Answer | None:
    row = (
        await session.execute(
            select(AnswerRow).where(col(AnswerRow.key_hash).in_(key_hashes), col(AnswerRow.begun_at) > now - KEPT)
        )
    ).scalar_one_or_none()
    if row is None:
        return None
    if row.body_hash not in key.body_hashes:
        raise OtherBody
    return Answer(
        state=State(row.state),
        session_id=row.session_id,
        participant_id=row.participant_id,
        generation=row.generation,
        code_key_id=row.code_key_id,
        answered_at=row.answered_at,
        expires_at=row.expires_at,
    )
