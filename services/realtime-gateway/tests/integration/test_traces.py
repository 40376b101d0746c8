"""A trace follows a command from the socket over the broker, and an event from its hint to the sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gateway_testing.house import House
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from realtime_gateway.settings import GatewaySettings
from twotop_common.service_defaults import telemetry
from twotop_common.testing.eventually import eventually

pytestmark = pytest.mark.integration

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    telemetry.configure(GatewaySettings(environment="test", trace_sample_ratio=1), exporter=exporter)
    yield exporter
    telemetry.configure(GatewaySettings(environment="test"))


async def test_a_sampled_event_is_traced_to_the_sockets(house: House, spans: InMemorySpanExporter) -> None:
    gateway, table = await house.open_table()
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        event = house.owner.append(table, hint=False)
        house.owner.hint(table, event, traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
        await phone.until_seq(2)
        unsampled = house.owner.append(table, hint=False)
        house.owner.hint(table, unsampled, traceparent=f"00-{TRACE}-00f067aa0ba902b7-00")
        await phone.until_seq(3)
    delivered = await eventually(
        lambda: [span for span in spans.get_finished_spans() if span.name == "realtime.deliver"]
    )
    assert len(delivered) == 1
    assert format(delivered[0].context.trace_id, "032x") == TRACE


async def test_a_command_carries_its_trace_to_the_owner(house: House, spans: InMemorySpanExporter) -> None:
    gateway, table = await house.open_table()
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.command("c-1", ready=True)
        await phone.event_of("c-1")
    command = house.owner.commands_seen[0]
    span = next(span for span in await eventually(spans.get_finished_spans) if span.name == "socket.command")
    assert command.traceparent is not None
    assert command.traceparent.split("-")[1] == format(span.context.trace_id, "032x") == command.correlationid
