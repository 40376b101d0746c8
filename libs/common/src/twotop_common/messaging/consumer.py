"""Consuming facts and commands: each message's effect happens once, and no message is lost or blocks the others.

Invariants
- A message is acknowledged only after its handler committed, or after a confirmed copy of it lies in a retry or
  dead-letter queue. A crash in between delivers it again; handlers deduplicate with the inbox.
- Messages with one subject (a session) are handled one after another in the order they arrived here; different subjects
  run concurrently, bounded by ``concurrency``. Across instances and retries order is not kept: the newest ``seq`` wins.
- ``TransientFailure`` and what looks like an absent dependency are tried again for hours, unknown exceptions a few
  times, with the count in our own header; then, or at once for ``PermanentFailure`` and what cannot be decoded, the raw
  bytes go to the dead-letter queue with the reason's name.
- A consumer that the broker cancelled on its side is silent. The cancel frame is listened for, and the queue's consumer
  count is asked for every second, which also says how far behind we are.
- How many dead letters lie there is asked for on a channel of its own, whose loss disturbs no delivery.
- Handlers run in tasks of their own, so a lost connection never cancels a transaction halfway.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp import commands as spec
from prometheus_client import Counter, Gauge, Histogram

from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.registry import REGISTRY, Service
from twotop_common.messaging.connection import BROKER_ERRORS, BrokerConnection, until_closed, work_on_channels
from twotop_common.messaging.delivery import (
    ATTEMPT_HEADER,
    REASON_HEADER,
    TRANSIENT_ATTEMPTS,
    TYPE_HEADER,
    UNKNOWN_ATTEMPTS,
    Delivery,
    PermanentFailure,
    TransientFailure,
    Undecodable,
    attempt_of,
    decode,
    headers_of,
    retry_delay_ms,
)
from twotop_common.messaging.publisher import PERSISTENT
from twotop_common.messaging.sender import UnconfirmedSender
from twotop_common.messaging.topology import (
    dead_queue_of,
    declare_consumer_queues,
    declare_dead_queue,
    queue_of,
    retry_queue_of,
)
from twotop_common.service_defaults.database import looks_unavailable
from twotop_common.service_defaults.logging import get_logger
from twotop_common.service_defaults.telemetry import (
    SpanKind,
    continue_from,
    correlation_id,
    new_correlation_id,
    span,
)

log = get_logger(__name__)

_MOVE_TIMEOUT_S = 5.0
_WATCH_S = 1.0

Handler = Callable[[Any, Delivery], Awaitable[None]]

_HANDLED = Counter("twotop_messages_total", "messages handled", ["type", "outcome"])
_SECONDS = Histogram("twotop_message_seconds", "time in the handler", ["type"])
_READY = Gauge("twotop_queue_ready", "messages waiting in the service's queue")
_BEHIND = Gauge("twotop_consumer_behind_seconds", "age of the oldest message not yet handled")
_DEAD_LETTERS = Gauge("twotop_dead_letters", "messages put aside for a person, whoever put them there")


@dataclass(slots=True)
class _Work:
    """One delivery on its way through this process."""

    message: DeliveredMessage
    channel: AbstractChannel
    arrived: float
    body: Contract
    delivery: Delivery


class Consumer:
    """Consumes one service's queue. ``handlers`` has one for each contract of ``REGISTRY.consumed_by(service)``."""

    def __init__(
        self,
        broker: BrokerConnection,
        service: Service,
        handlers: Mapping[type[Contract], Handler],
        *,
        prefetch: int = 64,
        concurrency: int = 16,
    ) -> None:
        missing = [entry.name for entry in REGISTRY.consumed_by(service) if entry.body not in handlers]
        if missing:
            raise ValueError(f"{service} consumes {', '.join(missing)} but has no handler")
        self._broker = broker
        self._service = service
        self._handlers = dict(handlers)
        # A series that begins at its first dead letter would show Prometheus no increase.
        for name in (*(entry.name for entry in REGISTRY.consumed_by(service)), "unknown"):
            _HANDLED.labels(name, "dead")
        self._prefetch = prefetch
        self._slots = asyncio.Semaphore(concurrency)
        self._by_subject: dict[str, deque[_Work]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._published_at: dict[int, datetime] = {}
        self._channel: AbstractChannel | None = None
        self._confirmed: AbstractChannel | None = None
        self._senders: dict[AbstractChannel, UnconfirmedSender] = {}
        self._consumer_tag = ""
        self._draining = False
        self._stopping = asyncio.Event()
        self._looked_at = 0.0
        self._ready = 0
        self._lag_s = 0.0
        self._lag_noted_at = 0.0

    @property
    def connected(self) -> bool:
        """Whether the broker delivers to us now."""
        return self._channel is not None

    @property
    def behind_s(self) -> float:
        """Seconds that our view may lag, infinite while we do not know.

        The age of the oldest message in hand, or of one that was in hand during the last second: what waits in its
        sender's outbox cannot be seen from here, but is about as late as what has just come.
        """
        now = time.monotonic()
        if self._channel is None or now - self._looked_at > 3 * _WATCH_S:
            return float("inf")
        lag_s = self._lag_s if now - self._lag_noted_at < _WATCH_S else 0.0
        if self._published_at:
            return max(lag_s, _age_s(next(iter(self._published_at.values()))))
        return float("inf") if self._ready > self._prefetch else lag_s

    async def run(self) -> None:
        """Consume until cancelled or stopped."""
        async with asyncio.TaskGroup() as group:
            moving = group.create_task(work_on_channels(self._broker, "retries", self._serve_moves, confirms=True))
            consuming = group.create_task(work_on_channels(self._broker, "consumer", self._serve))
            counting = group.create_task(work_on_channels(self._broker, "dead letters", self._serve_count))
            await self._stopping.wait()
            for task in (moving, consuming, counting):
                task.cancel()

    async def stop(self, timeout_s: float = 10.0) -> None:
        """Take no new messages, finish what has begun, leave the rest to others, end ``run``."""
        self._draining = True
        for waiting in self._by_subject.values():
            # What has not begun is given back by closing the channel.
            waiting.clear()
        channel, self._channel = self._channel, None
        if channel is not None and not channel.is_closed:
            try:
                await channel.basic_cancel(self._consumer_tag, timeout=2)
            except BROKER_ERRORS:
                log.info("consumer.cancel_failed")
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout_s)
            for task in late:
                task.cancel()
        for sender in self._senders.values():
            await sender.drained(timeout_s=1)
        self._stopping.set()

    async def _serve_moves(self, channel: AbstractChannel) -> None:
        self._confirmed = channel
        try:
            await until_closed(channel)
        finally:
            self._confirmed = None

    async def _serve_count(self, channel: AbstractChannel) -> None:
        # Before the first look, and again when somebody deleted it: the broker closes a channel that asks for no queue.
        await declare_dead_queue(channel, self._service)
        await until_closed(channel, self._count_dead_letters(channel))

    async def _count_dead_letters(self, channel: AbstractChannel) -> None:
        while True:
            look = await channel.queue_declare(dead_queue_of(self._service), passive=True, timeout=5)
            _DEAD_LETTERS.set(look.message_count or 0)
            await asyncio.sleep(_WATCH_S)

    async def _serve(self, channel: AbstractChannel) -> None:
        await declare_consumer_queues(channel, self._service)
        await channel.basic_qos(prefetch_count=self._prefetch)
        cancelled = asyncio.Event()
        channel.on_consumer_cancel_callbacks.add(lambda _: cancelled.set())
        if self._draining:
            return
        sender = self._senders[channel] = UnconfirmedSender(channel)
        consuming = await channel.basic_consume(queue_of(self._service), self._take)
        self._consumer_tag = consuming.consumer_tag or ""
        self._channel = channel
        self._looked_at, self._ready = time.monotonic(), 0
        log.info("consumer.started", queue=queue_of(self._service))
        try:
            await until_closed(channel, sender.run(), self._watch(channel, cancelled))
        finally:
            self._channel = None
            del self._senders[channel]

    async def _watch(self, channel: AbstractChannel, cancelled: asyncio.Event) -> None:
        """Return when this consumer is one no more."""
        while not cancelled.is_set():
            look = await channel.queue_declare(queue_of(self._service), passive=True, timeout=5)
            self._looked_at, self._ready = time.monotonic(), look.message_count or 0
            _READY.set(self._ready)
            _BEHIND.set(min(self.behind_s, 86_400))
            if not look.consumer_count:
                break
            try:
                async with asyncio.timeout(_WATCH_S):
                    await cancelled.wait()
            except TimeoutError:
                continue
        log.warning("consumer.cancelled_by_broker", queue=queue_of(self._service))

    async def _take(self, message: DeliveredMessage) -> None:
        """Called by aiormq in order of arrival; must not wait."""
        if self._draining:
            # On its way when we cancelled; closing the channel gives it back.
            return
        attempt = attempt_of(message)
        try:
            body, delivery = decode(message.body, attempt)
            if type(body) not in self._handlers:
                raise Undecodable("no handler")
        except Undecodable as error:
            self._spawn(self._bury(message, message.channel, str(error)))
            return
        work = _Work(message, message.channel, time.perf_counter(), body, delivery)
        self._published_at[id(work)] = delivery.time
        waiting = self._by_subject.get(delivery.subject)
        if waiting is None:
            self._by_subject[delivery.subject] = deque([work])
            self._spawn(self._handle_subject(delivery.subject))
        else:
            waiting.append(work)

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _handle_subject(self, subject: str) -> None:
        waiting = self._by_subject[subject]
        try:
            while waiting:
                async with self._slots:
                    if not waiting:
                        break
                    work = waiting[0]
                    try:
                        if not work.channel.is_closed:
                            await self._handle(work)
                    finally:
                        self._published_at.pop(id(work), None)
                        if waiting and waiting[0] is work:
                            waiting.popleft()
        finally:
            for abandoned in waiting:
                self._published_at.pop(id(abandoned), None)
            del self._by_subject[subject]

    async def _handle(self, work: _Work) -> None:
        delivery = work.delivery
        token = correlation_id.set(delivery.headers.correlationid or new_correlation_id())
        started = time.perf_counter()
        try:
            with (
                continue_from(delivery.headers.traceparent),
                span(f"handle {delivery.type}", kind=SpanKind.CONSUMER, attributes={"attempt": delivery.attempt}),
            ):
                await self._handlers[type(work.body)](work.body, delivery)
        except PermanentFailure as error:
            log.error("message.refused", type=delivery.type, message_id=str(delivery.message_id), reason=str(error))
            await self._bury(work.message, work.channel, "PermanentFailure", type_=delivery.type)
        except Exception as error:
            await self._try_again(work, error)
        else:
            _HANDLED.labels(delivery.type, "done").inc()
            self._acknowledge(work.message)
        finally:
            _SECONDS.labels(delivery.type).observe(time.perf_counter() - started)
            self._note_lag(delivery)
            correlation_id.reset(token)

    def _note_lag(self, delivery: Delivery) -> None:
        # A message that is tried again says nothing about those behind it.
        if delivery.attempt > 1:
            return
        lag_s, now = _age_s(delivery.time), time.monotonic()
        if lag_s >= self._lag_s or now - self._lag_noted_at >= _WATCH_S:
            self._lag_s, self._lag_noted_at = lag_s, now

    def _acknowledge(self, message: DeliveredMessage) -> None:
        # Without its sender the channel is gone, and the broker delivers again.
        sender = self._senders.get(message.channel)
        if sender is not None and message.delivery_tag is not None:
            sender.acknowledge(message.delivery_tag)

    async def _try_again(self, work: _Work, error: Exception) -> None:
        delivery = work.delivery
        transient = isinstance(error, TransientFailure) or looks_unavailable(error)
        log.warning(
            "message.failed",
            type=delivery.type,
            message_id=str(delivery.message_id),
            attempt=delivery.attempt,
            transient=transient,
            error=type(error).__name__,
            exc_info=None if transient else error,
        )
        if delivery.attempt >= (TRANSIENT_ATTEMPTS if transient else UNKNOWN_ATTEMPTS):
            await self._bury(work.message, work.channel, type(error).__name__, type_=delivery.type)
            return
        wanted = error.retry_after_s if isinstance(error, TransientFailure) else None
        queue = retry_queue_of(self._service, retry_delay_ms(delivery.attempt, wanted))
        headers = {**headers_of(work.message), ATTEMPT_HEADER: delivery.attempt + 1}
        if await self._move(work.message, work.channel, queue, headers):
            _HANDLED.labels(delivery.type, "retried").inc()

    async def _bury(
        self, message: DeliveredMessage, channel: AbstractChannel, reason: str, *, type_: str = "unknown"
    ) -> None:
        headers = {
            **headers_of(message),
            REASON_HEADER: reason,
            TYPE_HEADER: message.header.properties.message_type or type_,
        }
        if await self._move(message, channel, dead_queue_of(self._service), headers):
            _HANDLED.labels(type_, "dead").inc()
            log.error("message.dead_lettered", type=type_, reason=reason)

    async def _move(
        self, message: DeliveredMessage, channel: AbstractChannel, queue: str, headers: Mapping[str, Any]
    ) -> bool:
        """Copy the raw message to ``queue``, confirmed, then acknowledge it; give it back when that fails."""
        confirmed = self._confirmed
        properties = message.header.properties
        try:
            if confirmed is None:
                raise ConnectionError
            await confirmed.basic_publish(
                message.body,
                routing_key=queue,
                mandatory=True,
                timeout=_MOVE_TIMEOUT_S,
                properties=spec.Basic.Properties(
                    content_type=properties.content_type,
                    delivery_mode=PERSISTENT,
                    message_id=properties.message_id,
                    message_type=properties.message_type,
                    headers=dict(headers),
                ),
            )
        except BROKER_ERRORS as error:
            log.warning("message.not_moved", queue=queue, error=type(error).__name__)
            await _give_back(message, channel)
            return False
        self._acknowledge(message)
        return True


def _age_s(published_at: datetime) -> float:
    return max(0.0, (datetime.now(UTC) - published_at).total_seconds())


async def _give_back(message: DeliveredMessage, channel: AbstractChannel) -> None:
    # Not at once: the reason for it needs a moment to pass, and the delivery limit counts.
    await asyncio.sleep(1)
    if message.delivery_tag is not None and not channel.is_closed:
        try:
            await channel.basic_nack(message.delivery_tag, requeue=True, wait=False)
        except BROKER_ERRORS:
            log.info("message.nack_lost")
