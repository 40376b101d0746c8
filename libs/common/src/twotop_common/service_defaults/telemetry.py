"""Correlation and traces. Spans are made only where they say something; without an endpoint they cost nothing.

One id follows a request through services and broker: the correlation id. It is the trace id of the caller when there is
one, so logs, problem documents and traces name the same thing.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, format_span_id, format_trace_id

from twotop_common.contracts.envelope import MessageHeaders

if TYPE_CHECKING:
    from twotop_common.service_defaults.settings import ServiceSettings

__all__ = [
    "SpanKind",
    "configure",
    "continue_from",
    "correlation_id",
    "current_headers",
    "flush",
    "inject",
    "new_correlation_id",
    "span",
    "trace_id_of",
]

correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")

_TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$")
_OFF: AbstractContextManager[Any] = contextlib.nullcontext()


class _State:
    """What this process was configured with; replaced as a whole by ``configure``."""

    provider: TracerProvider | None = None
    tracer: trace.Tracer | None = None


def configure(settings: ServiceSettings, *, exporter: SpanExporter | None = None) -> None:
    """Turn tracing on when an OTLP endpoint is set (or an exporter is given), off otherwise."""
    if exporter is None and not settings.otlp_endpoint:
        _State.provider = _State.tracer = None
        return
    resource = Resource.create({"service.name": settings.service, "service.instance.id": settings.instance})
    provider = TracerProvider(
        resource=resource, sampler=ParentBased(TraceIdRatioBased(settings.trace_sample_ratio)), shutdown_on_exit=False
    )
    if exporter is None:
        endpoint = settings.otlp_endpoint.rstrip("/")
        endpoint = endpoint if endpoint.endswith("/v1/traces") else endpoint + "/v1/traces"
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=2)))
    else:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    _State.provider = provider
    _State.tracer = provider.get_tracer("twotop")


def flush() -> None:
    """Send what is still held; called at the end of the process."""
    if _State.provider is not None:
        _State.provider.shutdown()
        _State.provider = _State.tracer = None


def span(
    name: str, *, kind: SpanKind = SpanKind.INTERNAL, attributes: Mapping[str, Any] | None = None
) -> AbstractContextManager[Any]:
    """A span around a block, a child of the current one. No secrets, addresses or bodies in attributes."""
    tracer = _State.tracer
    if tracer is None:
        return _OFF
    return tracer.start_as_current_span(name, kind=kind, attributes=attributes)


def inject() -> str | None:
    """The W3C traceparent of the current span, or None when there is none."""
    if _State.tracer is None:
        return None
    current = trace.get_current_span().get_span_context()
    if not current.is_valid:
        return None
    return f"00-{format_trace_id(current.trace_id)}-{format_span_id(current.span_id)}-{current.trace_flags:02x}"


def continue_from(traceparent: str | None) -> AbstractContextManager[Any]:
    """Make the caller's span the parent of the spans in this block. A missing or broken traceparent changes nothing."""
    if _State.tracer is None or traceparent is None:
        return _OFF
    match = _TRACEPARENT.match(traceparent)
    if match is None:
        return _OFF
    parent = SpanContext(
        trace_id=int(match[1], 16), span_id=int(match[2], 16), is_remote=True, trace_flags=TraceFlags(int(match[3], 16))
    )
    return _attached(trace.set_span_in_context(NonRecordingSpan(parent)))


@contextlib.contextmanager
def _attached(context: otel_context.Context) -> Iterator[None]:
    token = otel_context.attach(context)
    try:
        yield
    finally:
        otel_context.detach(token)


def trace_id_of(traceparent: str | None) -> str | None:
    """The trace id inside a traceparent, None when it is missing or broken."""
    match = _TRACEPARENT.match(traceparent) if traceparent else None
    return match[1] if match and match[1] != "0" * 32 else None


def new_correlation_id() -> str:
    """A fresh id in the form of a trace id. When a recording span is current, its trace id."""
    if _State.tracer is not None:
        current = trace.get_current_span().get_span_context()
        if current.is_valid:
            return format_trace_id(current.trace_id)
    return secrets.token_hex(16)


def current_headers() -> MessageHeaders:
    """What links a message published now to the request that caused it."""
    return MessageHeaders(traceparent=inject(), correlationid=correlation_id.get() or None)
