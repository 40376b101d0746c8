"""Many at once: one key has one effect, many writers leave no gap, two programs fold side by side."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from session_api_testing.house import House, Phone, running_house

from session_api.play.domain.events import ContextChosen
from session_api.sessions import api, log, queries, store
from session_api.sessions.domain import decider
from session_api.sessions.domain.decider import evolve
from session_api.sessions.domain.events import Recorded
from session_api.sessions.domain.state import STATE_CODE_VERSION, SessionState, from_document, to_document
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


def to_newer_document(state: SessionState) -> str:
    """The state in a shape that the present version cannot read."""
    return json.dumps({"of_newer_rules": json.loads(to_document(state))})


def from_newer_document(document: bytes | str) -> SessionState:
    return from_document(json.dumps(json.loads(document)["of_newer_rules"]))


def evolve_newer(state: SessionState | None, recorded: Recorded) -> SessionState:
    """Rules that fold the same events to another state: a chosen context is mature's opt-in, too."""
    after = evolve(state, recorded)
    if not isinstance(recorded.event, ContextChosen):
        return after
    return replace(after, play=replace(after.play, opted_in=after.play.opted_in | {UUID(recorded.by)}))


@contextmanager
def newer_rules() -> Iterator[None]:
    """In this block the process is of the next code version."""
    with pytest.MonkeyPatch.context() as patched:
        for module in (store, queries, api):
            patched.setattr(module, "STATE_CODE_VERSION", STATE_CODE_VERSION + 1)
        patched.setattr(store, "to_document", to_newer_document)
        patched.setattr(queries, "from_document", from_newer_document)
        for module in (decider, log):
            patched.setattr(module, "evolve", evolve_newer)
        yield


async def test_two_versions_of_the_rules_fold_side_by_side(house: House, settings: SessionApiSettings) -> None:
    phone = await house.start("single", context=None)
    async with running_house(settings) as other:
        newer = replace(phone, client=other.client)
        own = [str(phone.participant_id)]

        async def state_seen_by(reader: Phone) -> dict[str, Any]:
            state: dict[str, Any] = (await reader.get("/snapshot")).raise_for_status().json()["state"]
            return state

        for number, context in enumerate(["established", "exploring"] * 3):
            with newer_rules() if number % 2 else nullcontext():
                writer = newer if number % 2 else phone
                assert (await writer.command("choose_context", {"context": context})).status_code == 201
            state = await state_seen_by(phone)
            assert (state["context"], state["play"]["mature_opt_in"]) == (context, [])
            with newer_rules():
                state = await state_seen_by(newer)
            assert (state["context"], state["play"]["mature_opt_in"]) == (context, own)
    assert [event["seq"] for event in await phone.log()] == list(range(1, 8))
