"""Secrets of a native installation: made once, kept in `.twotop/secrets.env`, readable by its owner only."""

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SERVICE_DATABASES = ("session_api", "pairing", "realtime_gateway", "cleanup_worker")
_ISSUING = (
    "TWOTOP_CODE_KEYS",
    "TWOTOP_CREDENTIAL_SIGNING_KEY",
    "TWOTOP_CREDENTIAL_PUBLIC_KEYS",
    "TWOTOP_RATE_LIMIT_KEY",
)
_KEYS = {
    "session-api": _ISSUING,
    "pairing": _ISSUING,
    "realtime-gateway": ("TWOTOP_CREDENTIAL_PUBLIC_KEYS",),
    "cleanup-worker": (),
}
PROJECT_NAME = "COMPOSE_PROJECT_NAME"
_GENERATED = ("POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "REDIS_PASSWORD")


def load_or_create(path: Path, beside_data: Path | None = None) -> dict[str, str]:
    """The installation's secrets by name; missing ones are generated and the file is rewritten.

    A copy lies beside the data: without it, somebody who deletes `.twotop` would be locked out of the databases that
    are kept elsewhere.
    """
    known = _read(path)
    spare = _read(beside_data) if beside_data else {}
    complete = {**_generate(), **spare, **known}
    if complete != known:
        _write(path, complete)
    if beside_data and complete != spare:
        _write(beside_data, complete)
    return complete


def keys_of(service: str, known: Mapping[str, str]) -> dict[str, str]:
    """Those of the installation's keys that this service works with; it is not told the others."""
    return {name: known[name] for name in _KEYS[service]}


def _generate() -> dict[str, str]:
    seed = secrets.token_bytes(32)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    values = {
        "TWOTOP_CODE_KEYS": f"k1:{_base64(secrets.token_bytes(32))}",
        "TWOTOP_CREDENTIAL_SIGNING_KEY": f"c1:{_base64(seed)}",
        "TWOTOP_CREDENTIAL_PUBLIC_KEYS": f"c1:{_base64(public)}",
        "TWOTOP_RATE_LIMIT_KEY": _base64(secrets.token_bytes(32)),
        # Containers' volumes go with the passwords they were made with, never with those of another checkout that
        # happens to lie, or once lay, in the same place.
        PROJECT_NAME: f"twotop-{secrets.token_hex(4)}",
    }
    for name in (*_GENERATED, *(f"{database.upper()}_DB_PASSWORD" for database in SERVICE_DATABASES)):
        values[name] = secrets.token_hex(16)
    return values


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text().splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _write(path: Path, values: Mapping[str, str]) -> None:
    text = "# Generated for this checkout; delete it together with the data to start anew.\n"
    text += "".join(f"{name}={value}\n" for name, value in values.items())
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)
