"""Metrics of every service, in Prometheus' form. Tenants, tables, sessions and guests never appear as labels."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, Histogram, generate_latest

HTTP_SECONDS = Histogram(
    "twotop_http_request_seconds",
    "time to answer an HTTP request",
    ["route", "method", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 30),
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_children: dict[tuple[str, str, int], Histogram] = {}


def observe_request(route: str, method: str, status: int, seconds: float) -> None:
    """Note one answered request. ``route`` is the path's template, never the path."""
    key = (route, method if method in METHODS else "OTHER", status)
    child = _children.get(key)
    if child is None:
        child = _children[key] = HTTP_SECONDS.labels(key[0], key[1], str(status))
    child.observe(seconds)


def exposition() -> tuple[bytes, str]:
    """Everything measured so far, with its content type."""
    return generate_latest(), CONTENT_TYPE_LATEST
