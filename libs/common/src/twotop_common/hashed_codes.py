"""Pairing codes, join secrets and their keyed hashes.

Codes and join secrets are *derived* (a keyed function of session and generation), so that a repeated request can be
answered again without anything being stored. What is stored is only ``hash_code``: HMAC-SHA256 under a named key, bound
to a purpose, so that a hash of one table never matches at another. Pure: imports nothing of ours.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass
from uuid import UUID

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""Twenty consonants: no vowels (no words), nothing that looks like a digit."""
CODE_LENGTH = 6
KEY_BYTES = 32
JOIN_SECRET_LENGTH = 22

_KEY_ID = re.compile(r"^[A-Za-z0-9_-]{1,32}$")


class KeyRingInvalid(ValueError):
    """The text of a key ring cannot be read. The message never contains key material."""


class UnknownKey(KeyError):
    """No key of the ring has this id."""


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """Named secrets, newest first. The first derives and hashes; the others only still verify."""

    keys: tuple[tuple[str, bytes], ...]

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """``"k2:<base64 32 bytes>,k1:<base64>"``, newest first. Raises KeyRingInvalid."""
        keys: list[tuple[str, bytes]] = []
        for number, part in enumerate(filter(None, (piece.strip() for piece in text.split(","))), start=1):
            key_id, separator, encoded = part.partition(":")
            if not separator or not _KEY_ID.match(key_id):
                raise KeyRingInvalid(f"key {number} is not of the form id:base64")
            if key_id in dict(keys):
                raise KeyRingInvalid(f"key id {key_id!r} is given twice")
            keys.append((key_id, decode_key(encoded, what=f"key {key_id!r}")))
        if not keys:
            raise KeyRingInvalid("no key is given")
        return cls(tuple(keys))

    @property
    def current_id(self) -> str:
        """The id of the key that derives and hashes now."""
        return self.keys[0][0]

    def secret(self, key_id: str) -> bytes:
        """Raises UnknownKey."""
        for known, secret in self.keys:
            if known == key_id:
                return secret
        raise UnknownKey(key_id)

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(key_id for key_id, _ in self.keys)})"


def decode_key(encoded: str, *, what: str) -> bytes:
    """32 bytes from standard or URL-safe base64, padded or not. Raises KeyRingInvalid naming ``what``."""
    text = encoded.strip().replace("-", "+").replace("_", "/")
    try:
        secret = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise KeyRingInvalid(f"{what} is not base64") from None
    if len(secret) != KEY_BYTES:
        raise KeyRingInvalid(f"{what} must be {KEY_BYTES} bytes")
    return secret


def derive_code(ring: KeyRing, key_id: str, session_id: UUID, generation: int) -> str:
    """The pairing code of this session and generation: six letters of ALPHABET. Raises UnknownKey."""
    number = int.from_bytes(_derive(ring, key_id, b"twotop:pairing-code", session_id, generation), "big")
    letters = []
    for _ in range(CODE_LENGTH):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return "".join(letters)


def derive_join_secret(ring: KeyRing, key_id: str, session_id: UUID, generation: int) -> str:
    """The 128-bit secret of the join link, 22 characters of base64url. Raises UnknownKey."""
    digest = _derive(ring, key_id, b"twotop:join-secret", session_id, generation)
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


def normalise_code(text: str) -> str | None:
    """What a guest typed as six letters of ALPHABET, whatever its case, spaces and dashes; None when it is no code."""
    letters: list[str] = []
    for character in text:
        if character.isspace() or unicodedata.category(character) in ("Pd", "Zs", "Cf"):
            continue
        # Only ASCII is raised to upper case: the long s would otherwise become an S that nobody typed.
        upper = character.upper() if character.isascii() else ""
        if not upper or upper not in ALPHABET or len(letters) == CODE_LENGTH:
            return None
        letters.append(upper)
    return "".join(letters) if len(letters) == CODE_LENGTH else None


def format_code(code: str) -> str:
    """``XXX-XXX``, as guests see it."""
    return f"{code[:3]}-{code[3:]}"


def hash_code(ring: KeyRing, purpose: str, value: str) -> str:
    """``"{key id}:{hex}"`` under the ring's current key."""
    key_id, secret = ring.keys[0]
    return _hash(key_id, secret, purpose, value)


def candidate_hashes(ring: KeyRing, purpose: str, value: str) -> list[str]:
    """The hash of ``value`` under every key of the ring, newest first: what a lookup asks for during a rotation."""
    return [_hash(key_id, secret, purpose, value) for key_id, secret in ring.keys]


def matches(ring: KeyRing, purpose: str, value: str, stored: str) -> bool:
    """Whether ``stored`` is the hash of ``value``; in constant time, also when the key is no longer known."""
    key_id = key_id_of(stored)
    try:
        secret = ring.secret(key_id)
        known = True
    except UnknownKey:
        secret = ring.keys[0][1]
        known = False
    equal = hmac.compare_digest(_hash(key_id, secret, purpose, value).encode(), stored.encode())
    return equal and known


def key_id_of(stored: str) -> str:
    """The key id of a stored hash."""
    return stored.partition(":")[0]


def _hash(key_id: str, secret: bytes, purpose: str, value: str) -> str:
    # The length in front keeps ("ab", "c") and ("a", "bc") apart.
    named = purpose.encode()
    message = b"twotop:hash" + len(named).to_bytes(4, "big") + named + value.encode()
    return f"{key_id}:{hmac.new(secret, message, hashlib.sha256).hexdigest()}"


def _derive(ring: KeyRing, key_id: str, label: bytes, session_id: UUID, generation: int) -> bytes:
    message = label + b"\x00" + session_id.bytes + generation.to_bytes(8, "big")
    return hmac.new(ring.secret(key_id), message, hashlib.sha256).digest()
