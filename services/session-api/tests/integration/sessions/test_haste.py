"""Many at once: one key has one effect, many writers leave no gap, two programs fold side by side."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from uuid import uuid4

import pytest
from session_api_testing.house import House, running_house

from session_api.sessions import queries, store
from session_api.settings import SessionApiSettings

pytestmark = pytest.mark.integration


async def test_a_thousand_repeats_of_one_key_are_one_event(house: House) -> None:
    phone = await house.start("single", context=None)
    answers = await asyncio.gather(
        *(phone.command("choose_context", {"context": "established"}, key="one") for _ in range(1_000))
    )
    assert sorted({answer.status_code for answer in answers}) == [200, 201]
    assert sum(answer.status_code == 201 for answer in answers) == 1
    assert {answer.json()["event_seq"] for answer in answers} == {2}
    assert [event["seq"] for event in await phone.log()] == [1, 2]


async def test_two_hundred_writers_on_one_session_over_two_instances_leave_no_gap(
    house: House, settings: SessionApiSettings
) -> None:
    phone = await house.start("single", context=None)
    async with running_house(settings) as other:
        clients = [house.client, other.client]
        contexts = ["exploring", "established", "mature"]

        async def write(number: int) -> None:
            body = {
                "idempotency_key": uuid4().hex,
                "type": "choose_context",
                "data": {"context": contexts[number % 3]},
            }
            answer = await clients[number % 2].post(phone.path("/events"), json=body, headers=phone.headers)
            assert answer.status_code == 201, answer.text

        await asyncio.gather(*map(write, range(200)))
    log = await phone.log()
    assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
    snapshot = (await phone.get("/snapshot")).json()
    assert snapshot["last_seq"] == len(log)
    chosen = [event["data"]["context"] for event in log if event["type"] == "context_chosen"]
    assert snapshot["state"]["context"] == chosen[-1]
    assert all(first != second for first, second in pairwise(chosen))


async def test_two_versions_of_the_rules_fold_side_by_side(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    phone = await house.start("single", context=None)
    for number in range(6):
        version = 1 + number % 2
        monkeypatch.setattr(store, "STATE_CODE_VERSION", version)
        monkeypatch.setattr(queries, "STATE_CODE_VERSION", version)
        house.deps.log.forget(phone.session_id)
        context = ["established", "exploring"][number % 2]
        assert (await phone.command("choose_context", {"context": context})).status_code == 201
        assert (await phone.get("/snapshot")).json()["state"]["context"] == context
    assert [event["seq"] for event in await phone.log()] == list(range(1, 8))
