"""The edge: limits, keys, credentials, documents. Nothing a client sends gives a 5xx."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
import structlog
from pairing_testing.house import SETTINGS, Instance, Seated, Table, open_instance, seat, wrong_codes
from pairing_testing.serving import JOIN, Served, serve
from prometheus_client import REGISTRY as METRICS

from pairing.queries.answers import ABANDONED_AFTER
from pairing.settings import PairingSettings
from twotop_common.credentials import ParticipantClaims
from twotop_common.testing.fakes import Clock

pytestmark = pytest.mark.integration
KEY = "a-key-of-22-characters"


@pytest_asyncio.fixture
async def house(settings: PairingSettings) -> AsyncIterator[tuple[Served, Instance]]:
    """A served instance, and one behind the scenes that makes sessions."""
    clock = Clock(datetime.now(UTC))
    async with serve(settings, clock) as served, open_instance(settings.database_url, clock) as instance:
        yield served, instance


async def test_wrong_tries_of_one_address_at_one_table_are_limited_to_five_a_minute(
    house: tuple[Served, Instance],
) -> None:
    served, instance = house
    seated = await instance.seat(Table.new())
    invalid = [await served.join(seated, "ABCDEF", client="127.0.0.5") for _ in range(5)]
    assert {answer.json()["code"] for answer in invalid} == {"code_invalid"}
    sixth = await served.join(seated, client="127.0.0.5")
    assert (sixth.status_code, sixth.json()["code"]) == (429, "rate_limited")
    assert int(sixth.headers["retry-after"]) in range(1, 61)
    # Another table for the same address, and another address at the same table, are free.
    assert (await served.join(await instance.seat(Table.new()), client="127.0.0.5")).status_code == 200
    assert (await served.join(seated, client="127.0.0.6")).status_code == 200


async def test_one_address_joins_at_most_sixty_times_a_minute(house: tuple[Served, Instance]) -> None:
    served, _ = house

    async def attempt() -> int:
        body = {"table_token": Table.new().token, "code": "not a code"}
        return (await served.client.post(JOIN, json=body, headers={"X-Twotop-Client": "127.0.0.7"})).status_code

    assert [await attempt() for _ in range(62)] == [404] * 60 + [429] * 2


async def test_limits_can_be_switched_off_for_load_tests(settings: PairingSettings) -> None:
    async with serve(settings.model_copy(update={"rate_limits_enabled": False})) as served:
        seated = seat(Table.new(), datetime.now(UTC))
        assert {(await served.join(seated, "not a code")).status_code for _ in range(70)} == {404}


async def test_a_switched_off_redis_limits_each_instance_by_itself_and_gives_no_5xx(settings: PairingSettings) -> None:
    clock = Clock(datetime.now(UTC))
    without = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    async with (
        serve(without, clock) as one,
        serve(without, clock) as two,
        open_instance(settings.database_url, clock) as instance,
    ):
        seated = await instance.seat(Table.new())
        codes = [(await served.join(seated, "ABCDEF")).status_code for served in (one, two) for _ in range(6)]
        assert codes == ([404] * 5 + [429]) * 2
        assert (await one.join(seated, client="127.0.0.8")).status_code == 200
        # What guards codes is not in Redis.
        other = await instance.seat(Table.new())
        for number, code in enumerate(wrong_codes(other.code)[:5]):
            assert (await two.join(other, code, client=f"127.0.1.{number}")).status_code == 404
        assert (await one.join(other, client="127.0.0.8")).json()["code"] == "code_expired"


async def test_a_repeat_is_answered_the_same_and_a_misuse_refused(house: tuple[Served, Instance]) -> None:
    served, instance = house
    seated, other = await instance.seat(Table.new()), await instance.seat(Table.new())
    first = await served.join(seated, key=KEY)
    assert first.status_code == 200
    typed_otherwise = f"{seated.code[:3]} {seated.code[3:].lower()}"
    assert (await served.join(seated, typed_otherwise, key=KEY)).json() == first.json()
    misuse = await served.join(other, key=KEY)
    assert (misuse.status_code, misuse.json()["code"]) == (409, "idempotency_mismatch")
    instance.clock.now += timedelta(minutes=10)
    assert (await served.join(seated, key=KEY, client="127.0.0.2")).json()["code"] == "already_paired"
    for weak in ("short", "x" * 21, "x" * 256):
        refused = await served.join(other, key=weak, client="127.0.0.3")
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_field")
        assert refused.json()["errors"][0]["field"] == "Idempotency-Key"
        assert (await served.new_code(other, key=weak)).status_code == 422


async def test_a_request_that_is_still_looking_holds_its_key(house: tuple[Served, Instance]) -> None:
    served, instance = house
    seated = await instance.seat(Table.new())
    wrong = wrong_codes(seated.code)[0]
    answers = await asyncio.gather(*(served.join(seated, wrong, key=KEY, client=f"127.0.2.{n}") for n in range(8)))
    codes = sorted(answer.json()["code"] for answer in answers)
    assert set(codes) == {"code_invalid", "idempotency_in_progress"}
    assert await instance.wrong_tries() == 1
    # A claim whose process died is taken over once no request can be at work under it.
    await instance.write("UPDATE answers SET state = 'running'")
    assert (await served.join(seated, wrong, key=KEY, client="127.0.2.9")).json()["code"] == "idempotency_in_progress"
    instance.clock.now += ABANDONED_AFTER
    assert (await served.join(seated, wrong, key=KEY, client="127.0.2.9")).json()["code"] == "code_invalid"


async def test_credentials_are_checked(house: tuple[Served, Instance]) -> None:
    served, instance = house
    seated = await instance.seat(Table.new())
    path = f"/api/v1/sessions/{seated.id}/pairing-code"
    old = ParticipantClaims(
        seated.id, seated.fact.participant_id, "A", 1, instance.clock() - timedelta(days=3), instance.clock()
    )
    for header, code in (
        (None, "credential_invalid"),
        ("Basic abc", "credential_invalid"),
        ("Bearer", "credential_invalid"),
        ("Bearer nonsense", "credential_invalid"),
        (f"Bearer {seated.credential}x", "credential_invalid"),
        (f"Bearer {SETTINGS.credential_signer.issue(old)}", "credential_expired"),
    ):
        headers = {} if header is None else {"Authorization": header}
        for method in ("POST", "DELETE"):
            answer = await served.client.request(method, path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, code)


async def test_a_participant_asks_at_most_sixty_times_a_minute(house: tuple[Served, Instance]) -> None:
    served, instance = house
    seated = await instance.seat(Table.new(), mode="single")
    assert [(await served.alone(seated)).status_code for _ in range(61)] == [204] * 60 + [429]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("[]", 422),
        ("{}", 422),
        ('{"table_token": "t"}', 422),
        ('{"table_token": "t", "code": "BCDFGH", "join_secret": "x"}', 422),
        ('{"table_token": 7, "code": "BCDFGH"}', 422),
        ('{"table_token": "", "code": "BCDFGH"}', 422),
        ('{"table_token": "t\\u0000", "code": "BCDFGH"}', 422),
        ('{"table_token": "t", "code": "BCDFGH", "future": 1}', 404),
        ('{"table_token": "💥", "code": "BCDFGH"}', 404),
        ('{"table_token": "t", "join_secret": "💥.💥"}', 404),
    ],
)
async def test_what_cannot_be_accepted_is_a_problem_that_repeats_nothing_secret(
    house: tuple[Served, Instance], body: str, status: int
) -> None:
    served, _ = house
    answer = await served.client.post(JOIN, content=body.encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "code", "detail", "trace_id"} <= set(answer.json())
    assert "BCDFGH" not in answer.text


async def test_the_path_without_a_version_is_the_current_one(house: tuple[Served, Instance]) -> None:
    served, instance = house
    seated = await instance.seat(Table.new())
    body = {"table_token": seated.table_token, "code": seated.code, "restaurant_id": str(seated.fact.place.location_id)}
    assert (await served.client.post("/api/sessions/join-dual", json=body)).status_code == 200


async def test_joins_are_counted_by_outcome_and_timed(house: tuple[Served, Instance]) -> None:
    served, instance = house
    seated = await instance.seat(Table.new())

    def counted(outcome: str) -> float:
        return METRICS.get_sample_value("twotop_join_total", {"outcome": outcome}) or 0.0

    def timed() -> tuple[float, float]:
        name = "twotop_time_to_pair_seconds"
        return METRICS.get_sample_value(f"{name}_count") or 0.0, METRICS.get_sample_value(f"{name}_sum") or 0.0

    before = counted("paired"), counted("already_paired"), *timed()
    instance.clock.advance(seconds=42)
    await served.join(seated)
    await served.join(seated)
    assert (counted("paired"), counted("already_paired")) == (before[0] + 1, before[1] + 1)
    assert timed()[0] == before[2] + 1
    assert timed()[1] == pytest.approx(before[3] + 42)
    exposed = (await served.client.get("/metrics")).text
    assert str(seated.id) not in exposed
    assert seated.table_token not in exposed


async def test_nothing_secret_is_logged_or_stored(
    house: tuple[Served, Instance], caplog: pytest.LogCaptureFixture
) -> None:
    served, instance = house
    table = Table.new()
    seated, left = await instance.seat(table), await instance.seat(table)
    secrets = [seated.code, seated.join_secret.partition(".")[2], seated.credential, KEY, "127.0.0.77"]
    secrets += [left.code, left.credential]
    with structlog.testing.capture_logs() as logs:
        new = (await served.new_code(seated, key=KEY)).json()
        secrets += [new["code"], new["code"].replace("-", ""), new["join_url"].rpartition(".")[2]]
        wrong = wrong_codes(seated.code, new["code"].replace("-", ""))[0]
        secrets.append(wrong)
        await served.join(seated, wrong, key=f"{KEY}-1", client="127.0.0.77")
        for unreadable in ([left.credential], 10 * left.credential):
            assert (await served.join(seated, wrong, leaving_credential=unreadable)).status_code == 422
        leaving = {"leaving_credential": left.credential}
        joined = (await served.join(seated, new["code"], key=f"{KEY}-2", client="127.0.0.77", **leaving)).json()
        assert (await instance.row(left))["status"] == "expired"
        secrets.append(joined["participant"]["credential"])
    seen = str(logs) + caplog.text
    tables = await instance.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for table in tables:
        seen += str(await instance.rows(f"SELECT t::text AS row FROM {table['tablename']} t"))
    bodies = await instance.rows("SELECT convert_from(body, 'UTF8') AS body FROM outbox")
    seen += str(bodies)
    assert str(seated.id) in seen
    for secret in secrets:
        assert secret not in seen


async def test_a_join_takes_few_milliseconds(house: tuple[Served, Instance]) -> None:
    """No pass or fail on a shared machine, only that it is no matter of seconds."""
    served, instance = house
    table = Table.new()
    sessions: list[Seated] = [await instance.seat(table) for _ in range(20)]
    durations = []
    for number, seated in enumerate(sessions):
        started = time.perf_counter()
        assert (await served.join(seated, key=f"{KEY}-{number}", client=f"127.0.3.{number}")).status_code == 200
        durations.append(time.perf_counter() - started)
    assert sorted(durations)[10] < 1
