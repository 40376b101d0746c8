"""Two phones whose answers get lost and whose commands arrive twice or late, on a real log."""

from __future__ import annotations

import asyncio
import random
from typing import Any
from uuid import uuid4

import pytest
from session_api_testing.house import House, Phone
from session_api_testing.playing import begun, import_included, play_of

pytestmark = pytest.mark.integration

STEPS = 60
MOVES = ["request_next"] * 6 + ["skip", "previous", "withdraw_next", "reveal", "start_afresh"]


class Sent:
    """One command under its key: what the log first said of it, however often it was sent."""

    def __init__(self, phone: Phone, name: str, data: dict[str, Any]) -> None:
        self.phone, self.name, self.data = phone, name, data
        self.key = uuid4().hex
        self.events: list[int] | None = None
        self.effects = 0

    async def arrive(self) -> None:
        """Once more at the server. Everything that is accepted under the key is the same."""
        answer = await self.phone.command(self.name, self.data, key=self.key)
        if answer.status_code == 409:
            assert answer.json()["code"] in {"not_allowed", "idempotency_in_progress"}, answer.text
            assert self.events is None or answer.json()["code"] == "idempotency_in_progress"
            return
        replayed = answer.json()["replayed"]
        assert answer.status_code == (200 if replayed else 201)
        self.effects += not replayed
        assert self.effects <= 1
        events = [event["seq"] for event in answer.json()["events"]]
        assert self.events in (None, events)
        self.events = events


async def command_of(chance: random.Random, phone: Phone) -> Sent:
    question = (await play_of(phone))["question"]
    if question is not None and chance.random() < 0.3:
        return Sent(phone, "give_answer", {"question_id": question["question_id"], "answer": "by the sea"})
    return Sent(phone, chance.choice(MOVES), {})


@pytest.mark.parametrize("seed", range(4))
async def test_commands_that_come_twice_or_late_count_once_and_no_card_comes_twice(house: House, seed: int) -> None:
    chance = random.Random(seed)
    await import_included(house)
    phones = await begun(house)
    sent: list[Sent] = []
    for _ in range(STEPS):
        command = await command_of(chance, chance.choice(phones))
        sent.append(command)
        # The answer is lost and the phone asks again; or the network delivers the command twice at once.
        await asyncio.gather(*(command.arrive() for _ in range(chance.choice([1, 1, 2, 3]))))
        if chance.random() < 0.3:
            late = chance.choice([one for one in sent if one.events is not None] or [command])
            await late.arrive()

    log = await phones[0].log()
    assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
    caused = [seq for command in sent for seq in command.events or []]
    assert len(caused) == len(set(caused))
    check_cards(log)
    check_answers(log)
    states = [(await phone.get("/snapshot")).json() for phone in phones]
    assert states[0]["last_seq"] == states[1]["last_seq"] == len(log)
    last = next(event for event in reversed(log) if event["type"] == "question_shown")
    assert states[0]["state"]["play"]["question"]["question_id"] == last["data"]["question_id"]


def check_cards(log: list[dict[str, Any]]) -> None:
    """Each move turns exactly one card, in its direction, and a round shows no card at two places."""
    places: dict[tuple[int, int], str] = {}
    open_card: dict[str, Any] | None = None
    direction: str | None = None
    for event in log:
        if event["type"] == "question_advanced":
            assert open_card is not None
            assert event["data"]["question_id"] == open_card["question_id"]
            direction = event["data"]["direction"]
        elif event["type"] == "question_shown":
            shown = event["data"]
            if open_card is not None and direction is not None and shown["round"] == open_card["round"]:
                assert shown["position"] == open_card["position"] + (-1 if direction == "previous" else 1)
            open_card, direction = shown, None
            assert places.setdefault((shown["round"], shown["position"]), shown["question_id"]) == shown["question_id"]
    for round_ in {round_ for round_, _ in places}:
        ids = [question_id for (one, _), question_id in places.items() if one == round_]
        assert len(ids) == len(set(ids))


def check_answers(log: list[dict[str, Any]]) -> None:
    """What was answered comes after both have answered the card that lies open."""
    answered: set[str] = set()
    for event in log:
        if event["type"] == "question_shown":
            answered.clear()
        elif event["type"] == "answer_given":
            answered.add(event["data"]["participant_id"])
        elif event["type"] == "answers_revealed":
            assert len(answered) == 2
