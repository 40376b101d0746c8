"""Traces, correlation and logs."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import ClassVar

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from twotop_common.contracts.registry import Service
from twotop_common.service_defaults import telemetry
from twotop_common.service_defaults.logging import configure_logging, get_logger
from twotop_common.service_defaults.settings import ServiceSettings

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Settings(ServiceSettings):
    service: ClassVar[Service] = "pairing"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    memory = InMemorySpanExporter()
    telemetry.configure(Settings(trace_sample_ratio=1), exporter=memory)
    yield memory
    telemetry.flush()


def test_switched_off_it_does_nothing_at_all() -> None:
    telemetry.configure(Settings())
    with telemetry.continue_from(TRACEPARENT), telemetry.span("x") as span:
        assert span is None
        assert telemetry.inject() is None
    assert telemetry.span("a") is telemetry.span("b")
    assert len(telemetry.new_correlation_id()) == 32
    telemetry.flush()


def test_a_trace_goes_on_over_a_traceparent(exporter: InMemorySpanExporter) -> None:
    with telemetry.span("first", attributes={"n": 1}):
        carried = telemetry.inject()
        correlation = telemetry.new_correlation_id()
    with telemetry.continue_from(carried), telemetry.span("second", kind=telemetry.SpanKind.CONSUMER):
        assert telemetry.new_correlation_id() == correlation
    first, second = exporter.get_finished_spans()
    assert first.context is not None
    assert second.context is not None
    assert second.context.trace_id == first.context.trace_id
    assert second.parent is not None
    assert second.parent.span_id == first.context.span_id
    assert telemetry.trace_id_of(carried) == correlation


def test_an_unsampled_parent_stays_unsampled(exporter: InMemorySpanExporter) -> None:
    with telemetry.continue_from(TRACEPARENT[:-2] + "00"), telemetry.span("quiet"):
        carried = telemetry.inject()
    assert carried is not None
    assert carried.endswith("-00")
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize("broken", [None, "", "nonsense", TRACEPARENT + "0", TRACEPARENT.upper()])
def test_a_broken_traceparent_changes_nothing(exporter: InMemorySpanExporter, broken: str | None) -> None:
    with telemetry.continue_from(broken):
        assert telemetry.inject() is None
    assert telemetry.trace_id_of(broken) is None


def test_headers_of_a_message_link_it_to_its_cause(exporter: InMemorySpanExporter) -> None:
    token = telemetry.correlation_id.set("c" * 32)
    with telemetry.span("x"):
        headers = telemetry.current_headers()
    telemetry.correlation_id.reset(token)
    assert headers.correlationid == "c" * 32
    assert headers.traceparent is not None
    assert telemetry.current_headers().correlationid is None


def test_an_endpoint_switches_traces_on() -> None:
    telemetry.configure(Settings(otlp_endpoint="http://127.0.0.1:1"))
    with telemetry.span("x"):
        assert telemetry.inject() is not None
    telemetry.configure(Settings())


def test_a_log_line_is_json_with_correlation_and_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("pairing", "i-1")
    token = telemetry.correlation_id.set("c" * 32)
    get_logger("module").info("pairing.matched", session_id="s", code="BCDFGH", credential="eyJ", client="127.0.0.7")
    telemetry.correlation_id.reset(token)
    get_logger("module").debug("not shown")
    (line,) = capsys.readouterr().out.splitlines()
    entry = json.loads(line)
    assert entry["event"] == "pairing.matched"
    assert entry["service"] == "pairing"
    assert entry["instance"] == "i-1"
    assert entry["correlation_id"] == "c" * 32
    assert entry["session_id"] == "s"
    assert entry["logger"] == "module"
    assert entry["level"] == "info"
    for secret in ("BCDFGH", "eyJ", "127.0.0.7"):
        assert secret not in line


def test_libraries_log_in_the_same_form_and_uvicorn_names_no_clients(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("pairing", "i-1")
    logging.getLogger("some.library").warning("it said %s", "so")
    logging.getLogger("uvicorn.error").info('127.0.0.7:4711 - "WebSocket /ws" [accepted]')
    try:
        raise ValueError("why")
    except ValueError:
        get_logger("module").exception("it.failed")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["it said so", "it.failed"]
    assert lines[0]["logger"] == "some.library"
    assert "ValueError: why" in lines[1]["exception"]
