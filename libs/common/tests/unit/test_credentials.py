"""Participant credentials."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from twotop_common.contracts.session_api import Role
from twotop_common.credentials import (
    AUDIENCE,
    CredentialExpired,
    CredentialInvalid,
    CredentialSigner,
    CredentialVerifier,
    ParticipantClaims,
)
from twotop_common.hashed_codes import KeyRingInvalid

NOW = datetime(2026, 3, 14, 18, 0, tzinfo=UTC)
SEED = f"s1:{base64.b64encode(bytes(range(32))).decode()}"
SIGNER = CredentialSigner.parse(SEED)
OTHER = CredentialSigner.parse(f"s1:{base64.b64encode(bytes(32)).decode()}")


def claims(session_id: UUID | None = None, participant_id: UUID | None = None) -> ParticipantClaims:
    return ParticipantClaims(
        session_id=session_id or uuid4(),
        participant_id=participant_id or uuid4(),
        role="B",
        generation=1,
        issued_at=NOW,
        expires_at=NOW + timedelta(hours=24),
    )


@given(
    st.uuids(),
    st.uuids(),
    st.sampled_from(["A", "B", "member"]),
    st.integers(1, 2**31),
    st.integers(0, 4_000_000_000),
    st.integers(1, 10**7),
)
def test_a_credential_says_what_it_was_issued_for(
    session_id: UUID, participant_id: UUID, role: Role, generation: int, issued: int, lasts: int
) -> None:
    issued_at = datetime.fromtimestamp(issued, UTC)
    wanted = ParticipantClaims(
        session_id, participant_id, role, generation, issued_at, issued_at + timedelta(seconds=lasts)
    )
    token = SIGNER.issue(wanted)
    assert SIGNER.issue(wanted) == token
    assert len(token) < 400
    verifier = CredentialVerifier.parse(SIGNER.public_key)
    assert verifier.verify(token, issued_at) == wanted
    assert verifier.verify(token, issued_at) is verifier.verify(token, issued_at)


def test_it_is_valid_while_now_is_before_its_end_also_when_remembered() -> None:
    verifier = CredentialVerifier.parse(SIGNER.public_key)
    wanted = claims()
    token = SIGNER.issue(wanted)
    assert verifier.verify(token, wanted.expires_at - timedelta(microseconds=1)) == wanted
    for _ in range(2):
        with pytest.raises(CredentialExpired):
            verifier.verify(token, wanted.expires_at)


def test_another_key_under_the_same_id_is_refused() -> None:
    with pytest.raises(CredentialInvalid):
        CredentialVerifier.parse(OTHER.public_key).verify(SIGNER.issue(claims()), NOW)


def test_a_retired_key_verifies_until_it_is_removed() -> None:
    newer = CredentialSigner.parse(f"s2:{base64.b64encode(bytes([7]) * 32).decode()}")
    both = CredentialVerifier.parse(f"{newer.public_key},{SIGNER.public_key}")
    old, new = SIGNER.issue(claims()), newer.issue(claims())
    assert both.verify(old, NOW)
    assert both.verify(new, NOW)
    with pytest.raises(CredentialInvalid):
        CredentialVerifier.parse(newer.public_key).verify(old, NOW)


def forged(payload: dict[str, object], **headers: object) -> str:
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    return jwt.encode(payload, private, algorithm="EdDSA", headers={"kid": "s1", **headers})


GOOD: dict[str, object] = {
    "aud": AUDIENCE,
    "sid": uuid4().hex,
    "sub": uuid4().hex,
    "role": "A",
    "gen": 1,
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 60,
}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        "a.b.c",
        "é",
        "x" * 2_000,
        forged({**GOOD, "aud": "twotop:staff"}),
        forged({name: value for name, value in GOOD.items() if name != "aud"}),
        forged({**GOOD, "role": "owner"}),
        forged({**GOOD, "role": ["A"]}),
        forged({**GOOD, "sid": "short"}),
        forged({**GOOD, "sid": 7}),
        forged({**GOOD, "gen": "many"}),
        forged({**GOOD, "exp": 10**18}),
        forged({**GOOD, "exp": None}),
        forged({name: value for name, value in GOOD.items() if name != "gen"}),
        forged(GOOD, kid="s9"),
        jwt.encode(GOOD, "secret-of-at-least-thirty-two-bytes!", algorithm="HS256", headers={"kid": "s1"}),
        jwt.encode(GOOD, "", algorithm="none", headers={"kid": "s1"}),
    ],
)
def test_whatever_is_not_ours_is_invalid(token: str) -> None:
    with pytest.raises(CredentialInvalid):
        CredentialVerifier.parse(SIGNER.public_key).verify(token, NOW)


def test_a_control_credential_of_that_shape_is_valid() -> None:
    assert CredentialVerifier.parse(SIGNER.public_key).verify(forged(GOOD), NOW).role == "A"


@given(st.integers(0, 300), st.integers(1, 255))
def test_no_altered_credential_is_valid(position: int, change: int) -> None:
    token = SIGNER.issue(claims(session_id=UUID(int=1), participant_id=UUID(int=2)))
    index = position % len(token)
    altered = token[:index] + chr((ord(token[index]) + change) % 128 or 1) + token[index + 1 :]
    if altered != token:
        verifier = CredentialVerifier.parse(SIGNER.public_key)
        try:
            found = verifier.verify(altered, NOW)
        except (CredentialInvalid, CredentialExpired):
            return
        # The last character of base64 has bits that mean nothing.
        assert found == verifier.verify(token, NOW)


def test_the_memory_of_verified_tokens_is_bounded() -> None:
    verifier = CredentialVerifier(
        {"s1": Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()}, cache_size=2
    )
    tokens = [SIGNER.issue(claims()) for _ in range(5)]
    for token in tokens:
        verifier.verify(token, NOW)
    assert len(verifier._cache) == 2
    assert verifier.verify(tokens[0], NOW)


def test_exactly_one_signing_key_is_needed() -> None:
    with pytest.raises(KeyRingInvalid):
        CredentialSigner.parse(f"{SEED},s2:{base64.b64encode(bytes(32)).decode()}")
