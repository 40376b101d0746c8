"""Problems, idempotency keys, delivery rules, waiting and clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twotop_common.contracts.registry import REGISTRY, DuplicateMessageType, MessageRegistry, UnknownMessageType
from twotop_common.contracts.session_api import SessionEnded
from twotop_common.contracts.session_log import LogHint, PresenceHint
from twotop_common.messaging.delivery import Undecodable, attempt_of, decode, headers_of, retry_delay_ms
from twotop_common.messaging.fanout import decode_hint
from twotop_common.messaging.outbox import outbox_record
from twotop_common.messaging.topology import RETRY_DELAYS_MS
from twotop_common.service_defaults.idempotency import body_fingerprint, idempotency_key, in_progress, mismatch
from twotop_common.service_defaults.problems import Problem, invalid_field, unavailable
from twotop_common.testing.eventually import eventually
from twotop_common.testing.fakes import Clock

json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def test_a_problem_passes_through_another_service_unharmed() -> None:
    first = Problem(
        409, "seq_conflict", "Newer events.", extra={"current": {"last_seq": 7}}, headers={"Retry-After": "1"}
    )
    again = Problem.from_document(first.document("t1"), headers=first.headers)
    assert again.document("t2") == {**first.document("t1"), "trace_id": "t2"}
    assert again.headers == first.headers
    assert orjson.loads(first.body("t1")) == first.document("t1")
    assert Problem.from_document({}).code == "internal"


def test_titles_and_details_are_never_empty() -> None:
    document = Problem(410, "session_closed").document("t")
    assert document["title"] == document["detail"] == "Session closed"
    assert unavailable(retry_after_s=3).headers == {"Retry-After": "3"}
    assert invalid_field("a", "b").document("t")["errors"] == [{"field": "a", "reason": "b"}]


@pytest.mark.parametrize("key", ["x", "a" * 255])
def test_any_printable_key_will_do_where_no_credential_is_issued(key: str) -> None:
    assert idempotency_key(key, issues_credentials=False) == key


@pytest.mark.parametrize(
    ("key", "issues"), [("", False), ("a" * 256, False), ("a\nb", False), ("é" * 30, True), ("a" * 21, True)]
)
def test_unfit_idempotency_keys_are_refused(key: str, issues: bool) -> None:
    with pytest.raises(Problem) as refused:
        idempotency_key(key, issues_credentials=issues)
    assert refused.value.status == 422


def test_a_missing_key_is_refused_only_where_it_is_required() -> None:
    assert idempotency_key(None, issues_credentials=True) is None
    with pytest.raises(Problem):
        idempotency_key(None, issues_credentials=True, required=True)
    assert (in_progress().code, mismatch().code) == ("idempotency_in_progress", "idempotency_mismatch")


@given(st.dictionaries(st.text(), json, max_size=4), json)
def test_a_fingerprint_ignores_order_and_nothing_else(body: dict[str, Any], other: Any) -> None:
    assert body_fingerprint(body) == body_fingerprint(dict(reversed(body.items())))
    assert (body_fingerprint(body) == body_fingerprint(other)) == (body == other)


@given(st.integers(1, 1_000), st.none() | st.floats(0, 100))
def test_every_failure_has_a_retry_queue_that_is_not_too_early(attempt: int, wanted: float | None) -> None:
    delay = retry_delay_ms(attempt, wanted)
    assert delay in RETRY_DELAYS_MS
    if wanted is not None:
        assert delay >= min(wanted * 1_000, RETRY_DELAYS_MS[-1])


def test_retries_slow_down() -> None:
    delays = [retry_delay_ms(attempt) for attempt in range(1, 100)]
    assert delays == sorted(delays)
    assert delays[0] == 250
    # A two-minute outage is over for everybody within five seconds of its end.
    assert sum(delays[:24]) >= 100_000
    assert max(delays[:24]) == 5_000


def ended() -> SessionEnded:
    return SessionEnded(session_id=uuid4(), seq=9, state="closed", reason="guest", ended_at=datetime.now(UTC))


def test_a_message_is_decoded_with_unknown_fields_ignored() -> None:
    message = ended()
    envelope = orjson.loads(outbox_record(message, subject="s", source="session-api").body)
    envelope["extra"] = envelope["data"]["extra"] = 1
    body, delivery = decode(orjson.dumps(envelope), 3)
    assert body == message
    assert delivery.attempt == 3
    assert delivery.time.tzinfo is UTC


@given(st.binary() | json.map(orjson.dumps))
def test_no_bytes_at_all_break_the_decoder(raw: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(raw, 1)


@given(st.sampled_from(["id", "type", "time", "source", "data", "traceparent", "subject"]), json)
def test_no_wrong_attribute_breaks_the_decoder(attribute: str, value: Any) -> None:
    envelope = orjson.loads(outbox_record(ended(), subject="s", source="session-api").body)
    envelope[attribute] = value
    try:
        decode(orjson.dumps(envelope), 1)
    except Undecodable:
        return


def _message(headers: dict[str, Any] | None) -> Any:
    return SimpleNamespace(header=SimpleNamespace(properties=SimpleNamespace(headers=headers)))


def test_the_attempt_comes_from_our_own_header() -> None:
    assert attempt_of(_message({"x-twotop-attempt": 4})) == 4
    assert [attempt_of(_message({"x-twotop-attempt": odd})) for odd in ("4", -1, None)] == [1, 1, 1]
    assert attempt_of(_message(None)) == 1
    assert headers_of(_message({"a": 1, "x-death": [], "x-first-death-queue": "q", "x-delivery-count": 2})) == {"a": 1}


def test_hints_survive_the_wire() -> None:
    log = LogHint(session_id=uuid4(), epoch="e", last_seq=1, events=())
    presence = PresenceHint(
        session_id=uuid4(),
        participant_id=uuid4(),
        role="A",
        status="away",
        instance="i",
        connection=1,
        at=datetime.now(UTC),
    )
    for hint in (log, presence):
        assert decode_hint(hint.model_dump_json().encode()) == hint


def test_a_reused_message_name_is_refused() -> None:
    registry = MessageRegistry()
    registry.register("a.v1", kind="fact", owner="pairing", consumers=())(SessionEnded)
    with pytest.raises(DuplicateMessageType):
        registry.register("a.v1", kind="fact", owner="pairing", consumers=())(LogHint)
    with pytest.raises(UnknownMessageType):
        registry.of(LogHint)
    with pytest.raises(UnknownMessageType):
        registry.by_name("b.v1")
    assert REGISTRY.of(SessionEnded).name == "twotop.session.ended.v1"


async def test_eventually_asks_until_the_answer_is_right() -> None:
    answers = iter([0, 0, 5])
    assert await eventually(lambda: next(answers), interval_s=0) == 5
    attempts = iter([AssertionError("not yet"), None])

    async def probe() -> bool:
        problem = next(attempts)
        if problem:
            raise problem
        return True

    assert await eventually(probe, interval_s=0)
    with pytest.raises(AssertionError, match="still 0"):
        await eventually(lambda: 0, timeout_s=0.01, interval_s=0.001)

    def failing() -> bool:
        raise AssertionError("the last reason")

    with pytest.raises(AssertionError, match="the last reason"):
        await eventually(failing, timeout_s=0.01, interval_s=0.001)


def test_a_clock_stands_until_it_is_moved() -> None:
    clock = Clock()
    before = clock()
    assert clock() == before
    assert clock.advance(minutes=1) == before + timedelta(minutes=1) == clock()
