"""Use cases of the session area: one async function each, given what bootstrap built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from session_api.presence.sightings import Sightings
from session_api.presence.waiting_wishes import WaitingWishes
from session_api.sessions.log import SessionLog
from twotop_common.credentials import CredentialSigner, CredentialVerifier
from twotop_common.hashed_codes import KeyRing
from twotop_common.service_defaults.feature_flags import FeatureFlags

CREDENTIAL_KEY_KEPT = timedelta(minutes=10)
"""How long the idempotency key of a call that issues a credential is known, as a keyed hash."""


@dataclass(frozen=True, slots=True)
class SessionDeps:
    """What the use cases work with. ``now`` is the clock; ``epoch`` names the database's history."""

    log: SessionLog
    sightings: Sightings
    waiting_wishes: WaitingWishes
    pool: asyncpg.Pool[Any]
    engine: AsyncEngine
    flags: FeatureFlags
    key_ring: KeyRing
    signer: CredentialSigner
    verifier: CredentialVerifier
    public_origin: str
    now: Callable[[], datetime]
    epoch: Callable[[], str]
    wake_relay: Callable[[], None]
