"""Idempotency keys as they come from clients, and the fingerprint that tells a repeat from a misuse."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from twotop_common.service_defaults.problems import Problem, invalid_field

HEADER = "Idempotency-Key"
MIN_SECRET_LENGTH = 22
"""Where an answer holds a credential the key is as good as one: 128 random bits in base64url are 22 characters."""
MAX_LENGTH = 255


def idempotency_key(header: str | None, *, issues_credentials: bool, required: bool = False) -> str | None:
    """The key of a request, checked. Raises Problem 422 ``invalid_field``.

    ``issues_credentials`` asks for at least 22 characters.
    """
    if header is None:
        if required:
            raise invalid_field(HEADER, "is required")
        return None
    if not header.isascii() or not header.isprintable() or not 0 < len(header) <= MAX_LENGTH:
        raise invalid_field(HEADER, f"must be 1 to {MAX_LENGTH} printable ASCII characters")
    if issues_credentials and len(header) < MIN_SECRET_LENGTH:
        raise invalid_field(HEADER, f"must be random and at least {MIN_SECRET_LENGTH} characters")
    return header


def body_fingerprint(body: Any) -> bytes:
    """SHA-256 of a JSON-like body, whatever the order of its members."""
    return hashlib.sha256(
        orjson.dumps(body, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str)
    ).digest()


def in_progress() -> Problem:
    """409: the first request with this key is still being answered."""
    return Problem(
        409, "idempotency_in_progress", "A request with this key is being answered.", headers={"Retry-After": "1"}
    )


def mismatch() -> Problem:
    """409: this key was used for another body."""
    return Problem(409, "idempotency_mismatch", "This key was used with another body.")
