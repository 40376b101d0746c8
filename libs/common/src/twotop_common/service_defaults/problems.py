"""RFC 9457 problem documents: the one shape of every error, with a stable ``code``. Knows no web framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

PROBLEM_MEDIA_TYPE = "application/problem+json"
TYPE_BASE = "https://twotop.dev/problems/"
_OWN_FIELDS = frozenset({"type", "title", "status", "code", "detail", "trace_id"})


class Problem(Exception):
    """An answer that is an error. Raise it anywhere below the edge; ``app`` and the socket translate it.

    ``extra`` are further members of the document, ``headers`` further response headers (``Retry-After``).
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str | None = None,
        *,
        title: str | None = None,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.title = title or code.replace("_", " ").capitalize()
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    def document(self, trace_id: str) -> dict[str, Any]:
        """The problem document, ready to be sent as JSON."""
        return {
            "type": TYPE_BASE + self.code,
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail or self.title,
            "trace_id": trace_id,
            **{name: value for name, value in self.extra.items() if name not in _OWN_FIELDS},
        }

    def body(self, trace_id: str) -> bytes:
        """The document as UTF-8 JSON."""
        return orjson.dumps(self.document(trace_id), default=str)

    @classmethod
    def from_document(cls, document: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Problem:
        """A problem that another service answered with, to be passed on under our own trace id."""
        extra = {name: value for name, value in document.items() if name not in _OWN_FIELDS}
        return cls(
            int(document.get("status", 500)),
            str(document.get("code", "internal")),
            document.get("detail"),
            title=document.get("title"),
            extra=extra,
            headers=headers,
        )


def unavailable(detail: str = "Try again shortly.", *, retry_after_s: int = 1) -> Problem:
    """503: something we need is away, asking again is right."""
    return Problem(503, "unavailable", detail, headers={"Retry-After": str(retry_after_s)})


def rate_limited(retry_after_s: int) -> Problem:
    """429: too many requests of one kind."""
    return Problem(429, "rate_limited", "Too many requests.", headers={"Retry-After": str(max(1, retry_after_s))})


def invalid_field(field: str, reason: str) -> Problem:
    """422: one field of the request cannot be accepted."""
    return Problem(422, "invalid_field", f"{field}: {reason}", extra={"errors": [{"field": field, "reason": reason}]})


def invalid_request(detail: str = "The request cannot be read.") -> Problem:
    """400: not even JSON."""
    return Problem(400, "invalid_request", detail)
