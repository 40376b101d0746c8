"""Participant credentials: short Ed25519-signed tokens that any service verifies by itself.

A token names the session, the participant, its role and its generation; the roster decides whether that generation is
still current. There is no revocation list to lose. Equal claims give an equal token, so that a repeated request is
answered with the same credential without it being stored.
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from twotop_common.contracts.session_api import Role
from twotop_common.hashed_codes import KeyRing, KeyRingInvalid

AUDIENCE = "twotop:participant"
MAX_TOKEN_LENGTH = 1_024
CACHE_SIZE = 20_000

_ROLES: dict[str, Role] = {"A": "A", "B": "B", "member": "member"}


class CredentialInvalid(Exception):
    """Not a credential, not ours, or signed with an unknown key."""


class CredentialExpired(Exception):
    """A genuine credential whose time is over."""


@dataclass(frozen=True, slots=True)
class ParticipantClaims:
    """What a credential says. Times are UTC; a token keeps whole seconds, so give whole seconds."""

    session_id: UUID
    participant_id: UUID
    role: Role
    generation: int
    issued_at: datetime
    expires_at: datetime


class CredentialSigner:
    """Issues credentials. Only session-api and pairing hold one."""

    def __init__(self, key_id: str, private_key: Ed25519PrivateKey) -> None:
        self._key_id = key_id
        self._private_key = private_key

    @classmethod
    def parse(cls, text: str) -> CredentialSigner:
        """``"kid:<base64 32-byte seed>"``. Raises KeyRingInvalid."""
        ring = KeyRing.parse(text)
        if len(ring.keys) != 1:
            raise KeyRingInvalid("exactly one signing key is needed")
        key_id, seed = ring.keys[0]
        return cls(key_id, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def public_key(self) -> str:
        """``"kid:<base64>"`` of the matching public key, as TWOTOP_CREDENTIAL_PUBLIC_KEYS takes it."""
        raw = self._private_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"{self._key_id}:{base64.b64encode(raw).decode()}"

    def issue(self, claims: ParticipantClaims) -> str:
        """The token of these claims; the same for equal claims."""
        payload = {
            "aud": AUDIENCE,
            "sid": claims.session_id.hex,
            "sub": claims.participant_id.hex,
            "role": claims.role,
            "gen": claims.generation,
            "iat": int(claims.issued_at.timestamp()),
            "exp": int(claims.expires_at.timestamp()),
        }
        return jwt.encode(payload, self._private_key, algorithm="EdDSA", headers={"kid": self._key_id})


class CredentialVerifier:
    """Verifies credentials. Verified tokens are remembered (bounded); expiry is always checked."""

    def __init__(self, keys: dict[str, Ed25519PublicKey], *, cache_size: int = CACHE_SIZE) -> None:
        self._keys = keys
        self._cache: OrderedDict[str, ParticipantClaims] = OrderedDict()
        self._cache_size = cache_size

    @classmethod
    def parse(cls, text: str) -> CredentialVerifier:
        """``"kid:<base64>[,older…]"``. Raises KeyRingInvalid."""
        ring = KeyRing.parse(text)
        return cls({key_id: Ed25519PublicKey.from_public_bytes(raw) for key_id, raw in ring.keys})

    def verify(self, token: str, now: datetime) -> ParticipantClaims:
        """The claims of a genuine token. Raises CredentialInvalid, CredentialExpired (valid while now < expires_at)."""
        claims = self._cache.get(token)
        if claims is None:
            claims = self._decode(token)
            self._cache[token] = claims
            if len(self._cache) > self._cache_size:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(token)
        if now >= claims.expires_at:
            raise CredentialExpired
        return claims

    def _decode(self, token: str) -> ParticipantClaims:
        if len(token) > MAX_TOKEN_LENGTH:
            raise CredentialInvalid
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            payload = jwt.decode(
                token,
                key,
                algorithms=["EdDSA"],
                audience=AUDIENCE,
                # The caller's clock decides about expiry, not the machine's.
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            return ParticipantClaims(
                session_id=UUID(hex=payload["sid"]),
                participant_id=UUID(hex=payload["sub"]),
                role=_ROLES[payload["role"]],
                generation=int(payload["gen"]),
                issued_at=datetime.fromtimestamp(payload["iat"], UTC),
                expires_at=datetime.fromtimestamp(payload["exp"], UTC),
            )
        except (jwt.PyJWTError, KeyError, ValueError, TypeError, AttributeError, OverflowError, OSError):
            # From None: the cause may quote the token.
            raise CredentialInvalid from None
