"""One trace from an HTTP request over the outbox and the broker to whoever hears the hint."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import APIRouter

from twotop_common.contracts.registry import REGISTRY, Service
from twotop_common.contracts.session_api import SessionEnded
from twotop_common.contracts.session_log import LogHint, shard_of
from twotop_common.messaging.connection import BrokerConnection
from twotop_common.messaging.consumer import Consumer
from twotop_common.messaging.delivery import Delivery
from twotop_common.messaging.fanout import FanOutSubscription, decode_hint
from twotop_common.messaging.outbox import OutboxRelay, enqueue
from twotop_common.messaging.publisher import Publisher
from twotop_common.service_defaults import telemetry
from twotop_common.service_defaults.app import create_app
from twotop_common.service_defaults.database import open_database_at
from twotop_common.service_defaults.health import Health
from twotop_common.service_defaults.settings import ServiceSettings
from twotop_common.testing.backends import Start
from twotop_common.testing.eventually import eventually
from twotop_common.testing.otlp import OtlpReceiver, otlp_receiver

pytestmark = pytest.mark.integration

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Settings(ServiceSettings):
    service: ClassVar[Service] = "pairing"


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with otlp_receiver() as made:
        telemetry.configure(Settings(otlp_endpoint=made.endpoint, trace_sample_ratio=1))
        yield made
        telemetry.flush()


async def test_a_command_can_be_followed_from_its_request_to_the_other_phone(
    receiver: OtlpReceiver, database_url: str, broker: BrokerConnection, publisher: Publisher, start: Start
) -> None:
    session_id = uuid4()
    delivered: list[UUID] = []
    router = APIRouter()

    async with open_database_at(database_url) as database:
        relay = OutboxRelay(database_url, publisher, service="session-api")

        @router.post("/end")
        async def end() -> None:
            now = datetime.now(UTC)
            message = SessionEnded(session_id=session_id, seq=3, state="closed", reason="guest", ended_at=now)
            async with database.sessions.begin() as session:
                enqueue(session, message, subject=str(session_id), source="session-api")
            relay.wake()

        async def on_ended(message: SessionEnded, delivery: Delivery) -> None:
            publisher.publish_hint(
                LogHint(session_id=message.session_id, epoch="e", last_seq=3, events=(), traceparent=telemetry.inject())
            )

        def on_hint(shard: str, body: bytes) -> None:
            hint = decode_hint(body)
            assert isinstance(hint, LogHint)
            with telemetry.continue_from(hint.traceparent), telemetry.span("deliver"):
                delivered.append(hint.session_id)

        async def on_connected() -> None:
            return

        subscription = FanOutSubscription(broker, on_hint, on_connected)
        consumer = Consumer(broker, "pairing", {entry.body: on_ended for entry in REGISTRY.consumed_by("pairing")})
        start(relay.run, consumer.run, subscription.run)
        await eventually(lambda: consumer.connected and subscription.connected)
        await subscription.bind(shard_of(session_id))
        app = create_app(Settings(), title="T", health=Health("pairing", []), routers=[router])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://t") as client:
            headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
            assert (await client.post("/api/end", headers=headers)).status_code == 200
        await eventually(lambda: delivered == [session_id])
    telemetry.flush()
    spans = {span.name: span for span in receiver.trace(TRACE)}
    request = spans["POST /api/v1/end"]
    handled = spans["handle twotop.session.ended.v1"]
    deliver = spans["deliver"]
    assert request.parent_id == "b7ad6b7169203331"
    assert handled.parent_id == request.span_id
    assert deliver.parent_id == handled.span_id
    assert {span.service for span in spans.values()} == {"pairing"}
    assert request.attributes
