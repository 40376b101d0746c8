"""A pair at a real session-api: how a game begins, and what its phones see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from session_api.play.importing import import_questions
from session_api.play.question_file import included_question_files, read_question_file
from session_api.sessions.consumers import message_handlers
from session_api_testing.house import House, Phone, delivery
from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.pairing import PairingMatched
from twotop_common.credentials import ParticipantClaims


async def import_included(house: House) -> None:
    async with house.app.state.venues.sessions.begin() as session:
        for path in included_question_files():
            await import_questions(session, read_question_file(path), house.deps.now())
    await house.app.state.play.shelf.refresh()


async def handle(house: House, fact: Contract) -> None:
    await message_handlers(house.deps)[type(fact)](fact, delivery())


async def joined(house: House, phone: Phone, generation: int = 1) -> Phone:
    """Device B, admitted by pairing's word."""
    participant_id, now = uuid4(), house.deps.now().replace(microsecond=0)
    await handle(
        house,
        PairingMatched(
            session_id=phone.session_id,
            generation=generation,
            participant_id=participant_id,
            credential_generation=1,
            matched_at=now,
        ),
    )
    claims = ParticipantClaims(phone.session_id, participant_id, "B", 1, now, now + timedelta(hours=48))
    return Phone(phone.client, phone.session_id, participant_id, house.deps.signer.issue(claims))


async def begun(house: House) -> tuple[Phone, Phone]:
    a = await house.start()
    b = await joined(house, a)
    for phone in (a, b):
        assert (await phone.command("set_ready", {"ready": True})).status_code == 201
    return a, b


async def play_of(phone: Phone) -> dict[str, Any]:
    play: dict[str, Any] = (await phone.get("/snapshot")).raise_for_status().json()["state"]["play"]
    return play


async def question_of(phone: Phone) -> tuple[str, int]:
    question = (await play_of(phone))["question"]
    return question["question_id"], question["position"]
