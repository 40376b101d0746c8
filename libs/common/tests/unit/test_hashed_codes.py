"""Codes are derived, hashes are keyed, keys rotate."""

from __future__ import annotations

import base64
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twotop_common.hashed_codes import (
    ALPHABET,
    CODE_LENGTH,
    JOIN_SECRET_LENGTH,
    KeyRing,
    KeyRingInvalid,
    UnknownKey,
    candidate_hashes,
    decode_key,
    derive_code,
    derive_join_secret,
    format_code,
    hash_code,
    key_id_of,
    matches,
    normalise_code,
)


def key(number: int) -> str:
    return f"k{number}:{base64.b64encode(bytes([number]) * 32).decode()}"


OLD = KeyRing.parse(key(1))
ROTATED = KeyRing.parse(f"{key(2)},{key(1)}")
codes = st.text(alphabet=ALPHABET, min_size=CODE_LENGTH, max_size=CODE_LENGTH)
FILLERS = " -\t\u00a0\u2010\u2011\u2013\u2014\u200b"
generations = st.integers(min_value=1, max_value=1_000_000)


@given(st.uuids(), generations)
def test_a_derived_code_is_six_letters_of_the_alphabet_and_always_the_same(session_id: UUID, generation: int) -> None:
    code = derive_code(OLD, "k1", session_id, generation)
    assert len(code) == CODE_LENGTH
    assert set(code) <= set(ALPHABET)
    assert derive_code(OLD, "k1", session_id, generation) == code
    assert normalise_code(format_code(code)) == code


@given(st.uuids(), generations)
def test_a_join_secret_has_128_bits_and_shares_nothing_with_the_code(session_id: UUID, generation: int) -> None:
    secret = derive_join_secret(OLD, "k1", session_id, generation)
    assert len(secret) == JOIN_SECRET_LENGTH
    assert len(base64.urlsafe_b64decode(secret + "==")) == 16
    assert derive_join_secret(OLD, "k1", session_id, generation + 1) != secret
    assert derive_join_secret(ROTATED, "k2", session_id, generation) != secret


def test_known_values_stay_what_they_are() -> None:
    # A change here would lose every code that is on a screen now.
    session_id = UUID("9c5d3b1e-2f47-4b0a-8d6e-0123456789ab")
    assert derive_code(OLD, "k1", session_id, 1) == "XKRHFZ"
    assert derive_join_secret(OLD, "k1", session_id, 1) == "SeuelmKhZViARbxJh98Ofg"
    assert hash_code(OLD, "pairing-code:t", "BCDFGH") == (
        "k1:fc766281b015f1c4025903cd7274db7e632a85306eea129c2dbb59d2985efe00"
    )


def test_codes_spread_over_the_whole_space() -> None:
    seen = {derive_code(OLD, "k1", uuid4(), 1) for _ in range(2_000)}
    assert len(seen) > 1_990
    assert {letter for code in seen for letter in code} == set(ALPHABET)


@given(
    codes, st.lists(st.sampled_from(" -\t\u00a0\u2010\u2011\u2013\u2014\u200b"), min_size=7, max_size=7), st.booleans()
)
def test_what_a_guest_types_is_the_code_whatever_the_spaces_dashes_and_case(
    code: str, fillers: list[str], lower: bool
) -> None:
    typed = "".join(filler + letter for filler, letter in zip(fillers, code, strict=False)) + fillers[-1]
    assert normalise_code(typed.lower() if lower else typed) == code


@given(st.text())
def test_normalising_is_total_and_settles(text: str) -> None:
    code = normalise_code(text)
    if code is not None:
        assert len(code) == CODE_LENGTH
        assert set(code) <= set(ALPHABET)
        assert normalise_code(code) == code


@pytest.mark.parametrize(
    "text", ["", "BCDFG", "BCDFGHJ", "BCDFGA", "BCDFG0", "BCDFGſ", "ＢCDFGH", "BCD/FGH", "BCD_FGH"]
)
def test_what_cannot_be_a_code_is_none(text: str) -> None:
    assert normalise_code(text) is None


@given(st.text(), st.text(), st.text())
def test_a_hash_matches_its_own_value_and_purpose_only(purpose: str, value: str, other: str) -> None:
    stored = hash_code(OLD, purpose, value)
    assert matches(OLD, purpose, value, stored)
    assert matches(OLD, purpose, other, stored) == (other == value)
    assert matches(OLD, other, value, stored) == (other == purpose)
    assert value not in stored or len(value) < 3
    assert key_id_of(stored) == "k1"


@given(st.text(max_size=5), st.text(max_size=5))
def test_purpose_and_value_cannot_flow_into_each_other(purpose: str, value: str) -> None:
    if value:
        assert hash_code(OLD, purpose + value[0], value[1:]) != hash_code(OLD, purpose, value)


@given(codes)
def test_during_a_rotation_old_hashes_still_match_and_new_ones_use_the_new_key(code: str) -> None:
    before = hash_code(OLD, "p", code)
    after = hash_code(ROTATED, "p", code)
    assert key_id_of(after) == ROTATED.current_id == "k2"
    assert before != after
    assert matches(ROTATED, "p", code, before)
    assert matches(ROTATED, "p", code, after)
    assert candidate_hashes(ROTATED, "p", code) == [after, before]
    # The key that made the hash was removed: it matches no more, and nothing raises.
    assert not matches(OLD, "p", code, after)
    assert not matches(OLD, "p", code, "nonsense")
    assert not matches(OLD, "p", code, "k1:ü")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no key"),
        (" , ", "no key"),
        ("nokey", "key 1"),
        ("bad id:AAAA", "key 1"),
        ("k1:***", "not base64"),
        ("k1:AAAA", "32 bytes"),
        (f"{key(1)},{key(1)}", "twice"),
    ],
)
def test_a_key_ring_that_cannot_be_read_is_refused_without_showing_it(text: str, reason: str) -> None:
    with pytest.raises(KeyRingInvalid, match=reason) as raised:
        KeyRing.parse(text)
    assert "***" not in str(raised.value)


def test_keys_may_be_url_safe_and_unpadded() -> None:
    raw = bytes(range(224, 256))
    assert decode_key(base64.urlsafe_b64encode(raw).decode().rstrip("="), what="it") == raw


def test_a_key_ring_shows_ids_only() -> None:
    assert repr(ROTATED) == "KeyRing(k2, k1)"
    with pytest.raises(UnknownKey):
        derive_code(OLD, "k9", uuid4(), 1)
