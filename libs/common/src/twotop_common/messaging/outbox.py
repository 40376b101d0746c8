"""The outbox: facts and commands are rows of the producer's own transaction, and a relay publishes them after commit.

Invariants
- A row exists exactly when its transaction committed. It is deleted only after the broker confirmed it, so a message is
  published at least once: a crash between confirm and delete publishes it again, under the same message id.
- The relay is woken in the process after commit (``wake``, which coalesces) and sweeps every second for rows that
  another process left behind. Several relays share one table: rows are taken with SKIP LOCKED.
- While the broker is away rows stay; ``refusing`` turns true at the configured limit, or early when the broker is there
  but slow, and then the edge answers 503.
- The relay has one database connection of its own and never takes one from the service's pool.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any, ClassVar, NamedTuple
from uuid import UUID, uuid4

import asyncpg
import orjson
from prometheus_client import Gauge
from sqlalchemy import BigInteger, Column, DateTime, Identity, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel

from twotop_common.contracts.envelope import Contract, MessageHeaders
from twotop_common.contracts.registry import REGISTRY, Service
from twotop_common.messaging.connection import BrokerUnavailable
from twotop_common.messaging.publisher import Publisher, PublishTimeout, Unroutable
from twotop_common.service_defaults.logging import get_logger
from twotop_common.service_defaults.telemetry import current_headers

log = get_logger(__name__)

OUTBOX_DDL = """
CREATE TABLE outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL,
    type text NOT NULL,
    body bytea NOT NULL,
    headers jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
)
"""
INSERT_OUTBOX = """
INSERT INTO outbox (message_id, type, body, headers)
SELECT message_id, type, body, headers::jsonb
FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[]) AS rows (message_id, type, body, headers)
"""
_TAKE = """
SELECT position, message_id, type, body, headers::text AS headers,
       extract(epoch FROM now() - created_at)::float8 AS age_s
FROM outbox ORDER BY position LIMIT $1 FOR UPDATE SKIP LOCKED
"""
_DELETE = "DELETE FROM outbox WHERE position = ANY($1::bigint[])"
_MEASURE = """
SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT $1) AS counted) AS rows,
       (SELECT extract(epoch FROM now() - created_at)::float8 FROM outbox ORDER BY position LIMIT 1) AS age_s
"""
CONGESTED_BACKLOG = 1_000
# asyncpg calls it an internal error when a connection is lost while a transaction begins.
_DATABASE_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)
_OLDEST_SECONDS = Gauge("twotop_outbox_oldest_seconds", "age of the oldest unpublished message")
_ROWS = Gauge("twotop_outbox_rows", "unpublished messages, counted up to the limit")


class OutboxRow(SQLModel, table=True):
    """One message waiting to be published. ``body`` is the whole encoded envelope."""

    __tablename__: ClassVar[Any] = "outbox"

    position: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True, autoincrement=True)
    )
    message_id: UUID
    type: str
    body: bytes
    headers: dict[str, str] = Field(
        default_factory=dict, sa_column=Column(JSONB, nullable=False, server_default=text("'{}'"))
    )
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class OutboxRecord(NamedTuple):
    """An outbox row for hand-written SQL: column order of INSERT_OUTBOX; ``headers`` is JSON text."""

    message_id: UUID
    type: str
    body: bytes
    headers: str


def outbox_record(
    message: Contract,
    *,
    subject: str,
    source: Service,
    headers: MessageHeaders | None = None,
    message_id: UUID | None = None,
    now: datetime | None = None,
) -> OutboxRecord:
    """Encode ``message`` in its envelope. ``subject`` is the session id; messages of one subject stay in order.

    ``headers`` default to the current trace and correlation. Raises UnknownMessageType.
    """
    entry = REGISTRY.of(message)
    links = headers or current_headers()
    linked = links.model_dump(exclude_none=True)
    identity = message_id or uuid4()
    body = orjson.dumps(
        {
            "specversion": "1.0",
            "id": identity,
            "source": source,
            "type": entry.name,
            "subject": subject,
            "time": now or datetime.now(UTC),
            "datacontenttype": "application/json",
            "data": message.model_dump(mode="json"),
            **linked,
        }
    )
    return OutboxRecord(identity, entry.name, body, orjson.dumps(linked).decode())


def enqueue(
    session: AsyncSession, message: Contract, *, subject: str, source: Service, headers: MessageHeaders | None = None
) -> UUID:
    """Add ``message`` to the session's transaction. Call ``OutboxRelay.wake`` after the commit. Its message id."""
    record = outbox_record(message, subject=subject, source=source, headers=headers)
    session.add(
        OutboxRow(
            message_id=record.message_id, type=record.type, body=record.body, headers=orjson.loads(record.headers)
        )
    )
    return record.message_id


async def enqueue_on(
    connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy, records: Sequence[OutboxRecord]
) -> None:
    """Insert ``records`` in the connection's current transaction."""
    if records:
        await connection.execute(INSERT_OUTBOX, *(list(column) for column in zip(*records, strict=True)))


class Moved(Enum):
    """What one batch of the relay came to."""

    ALL = "nothing is left"
    MORE = "the batch was full, more may be waiting"
    FAILED = "some rows stay for the next round"


class OutboxRelay:
    """Publishes the outbox of one database. ``run`` it in the background, ``wake`` it after each commit."""

    def __init__(
        self,
        database_url: str,
        publisher: Publisher,
        *,
        service: Service,
        batch: int = 200,
        sweep_s: float = 1.0,
        limit: int = 100_000,
    ) -> None:
        self._database_url = database_url
        self._publisher = publisher
        self._name = f"{service} outbox"
        self._batch = batch
        self._sweep_s = sweep_s
        self._limit = limit
        self._woken = asyncio.Event()
        self._rounds = asyncio.Condition()
        self._finished_rounds = 0
        self._drained = False
        self._backlog = 0

    @property
    def backlog(self) -> int:
        """Unpublished rows at the last look, counted up to the limit."""
        return self._backlog

    @property
    def refusing(self) -> bool:
        """Whether new commands must be refused: the outbox is full, or the broker is there but cannot keep up."""
        return self._backlog >= self._limit or (self._publisher.congested and self._backlog >= CONGESTED_BACKLOG)

    def wake(self) -> None:
        """Publish soon. Cheap; any number of calls before the relay looks are one."""
        self._woken.set()

    async def run(self) -> None:
        """Publish until cancelled. A lost database connection is made anew."""
        while True:
            connection: asyncpg.Connection | None = None
            try:
                connection = await asyncpg.connect(
                    self._database_url, timeout=5, command_timeout=30, server_settings={"application_name": self._name}
                )
                await self._serve(connection)
            except _DATABASE_ERRORS as error:
                log.warning("outbox.database_lost", error=type(error).__name__)
                await asyncio.sleep(0.3)
            finally:
                if connection is not None:
                    with contextlib.suppress(*_DATABASE_ERRORS):
                        await connection.close(timeout=1)

    async def flush(self, timeout_s: float = 3.0) -> bool:
        """Wait until everything committed before now is published, while ``run`` is running. False when it is not."""
        target = self._finished_rounds + 2
        try:
            async with asyncio.timeout(timeout_s):
                async with self._rounds:
                    while not (self._finished_rounds >= target and self._drained):
                        self._woken.set()
                        await self._rounds.wait()
        except TimeoutError:
            return False
        return True

    async def _serve(self, connection: asyncpg.Connection) -> None:
        while True:
            self._woken.clear()
            drained = True
            if self._publisher.connected:
                while (outcome := await self._move_batch(connection)) is Moved.MORE:
                    pass
                drained = outcome is Moved.ALL
            if drained and self._publisher.connected:
                self._note(0, 0.0)
            else:
                drained = False
                measured = await connection.fetchrow(_MEASURE, self._limit)
                if measured is not None:
                    self._note(measured["rows"], measured["age_s"] or 0.0)
            async with self._rounds:
                self._finished_rounds += 1
                self._drained = drained
                self._rounds.notify_all()
            if not drained:
                # What failed just now is not tried again in a hurry.
                await asyncio.sleep(0.1)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._sweep_s):
                    await self._woken.wait()

    async def _move_batch(self, connection: asyncpg.Connection) -> Moved:
        async with connection.transaction():
            rows = await connection.fetch(_TAKE, self._batch)
            if not rows:
                return Moved.ALL
            self._note(max(self._backlog, len(rows)), rows[0]["age_s"])
            outcomes = await asyncio.gather(*map(self._publish, rows))
            published = [row["position"] for row, outcome in zip(rows, outcomes, strict=True) if outcome]
            if published:
                await connection.execute(_DELETE, published)
        if len(published) < len(rows):
            return Moved.FAILED
        return Moved.MORE if len(rows) == self._batch else Moved.ALL

    async def _publish(self, row: asyncpg.Record) -> bool:
        try:
            await self._publisher.publish_fact(
                row["message_id"], row["type"], row["body"], orjson.loads(row["headers"])
            )
        except (BrokerUnavailable, PublishTimeout, Unroutable) as error:
            log.warning(
                "outbox.publish_failed", message_id=str(row["message_id"]), type=row["type"], error=type(error).__name__
            )
            return False
        return True

    def _note(self, rows: int, age_s: float) -> None:
        self._backlog = rows
        _ROWS.set(rows)
        _OLDEST_SECONDS.set(age_s if rows else 0)
