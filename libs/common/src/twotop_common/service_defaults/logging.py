"""JSON logs on standard output: constant event names, data in fields, the correlation id, never an address or a secret.

A field whose name says that it carries something secret is replaced before it is written: the last line of defence, not
a licence to log it.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from twotop_common.contracts.registry import Service
from twotop_common.service_defaults.telemetry import correlation_id

__all__ = ["configure_logging", "correlation_id", "get_logger"]

FORBIDDEN_FIELDS = frozenset(
    {
        "address",
        "authorization",
        "client",
        "client_addr",
        "code",
        "credential",
        "idempotency_key",
        "ip",
        "join_secret",
        "join_url",
        "pairing_code",
        "password",
        "remote_addr",
        "secret",
        "token",
    }
)
_QUIET = {"uvicorn.error": logging.WARNING, "uvicorn.access": logging.CRITICAL, "aiormq": logging.CRITICAL}


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger; ``name`` becomes the field ``logger``."""
    logger: FilteringBoundLogger = structlog.get_logger(logger_name=name)
    return logger


def configure_logging(service: Service | str, instance: str, level: str = "INFO") -> None:
    """Send our logs and the libraries' to standard output as one JSON object a line."""

    def identify(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        if "logger_name" in event:
            event["logger"] = event.pop("logger_name")
        event["service"] = service
        event["instance"] = instance
        correlation = correlation_id.get()
        if correlation:
            event["correlation_id"] = correlation
        return event

    shared: list[structlog.typing.Processor] = [
        identify,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _without_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_dumps),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(logging.getLevelName(level), logging.WARNING))
    for name, quiet in _QUIET.items():
        # uvicorn names client addresses in its lines; aiormq repeats each connection loss that we log ourselves.
        logging.getLogger(name).setLevel(quiet)


def _without_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for name in FORBIDDEN_FIELDS & event.keys():
        event[name] = "[withheld]"
    return event


def _dumps(value: Any, **_: Any) -> str:
    return orjson.dumps(value, default=str).decode()
