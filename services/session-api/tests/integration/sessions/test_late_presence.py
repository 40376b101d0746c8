"""A socket saves a session up to the instant of its limit, and not after it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from session_api_testing.house import House, Phone, delivery

from session_api.sessions.handlers.follow_services import follow_presence
from twotop_common.contracts.realtime_gateway import ParticipantConnected
from twotop_common.testing.fakes import Clock

pytestmark = pytest.mark.integration
PENDING = timedelta(seconds=1800)


async def connect(house: House, phone: Phone, at: datetime) -> None:
    fact = ParticipantConnected(
        session_id=phone.session_id, participant_id=phone.participant_id, role="A", connected_at=at
    )
    await follow_presence(house.deps, fact, delivery())


async def state_of(phone: Phone) -> str:
    state: str = (await phone.get()).raise_for_status().json()["state"]
    return state


async def test_a_socket_in_the_last_moment_saves_the_session(still_house: House, clock: Clock) -> None:
    began = clock.now
    phone = await still_house.start("single")
    clock.now = began + PENDING
    await connect(still_house, phone, began + PENDING - timedelta(microseconds=1))
    assert await state_of(phone) == "pending"


async def test_a_socket_at_the_limit_comes_too_late(still_house: House, clock: Clock) -> None:
    began = clock.now
    phone = await still_house.start("single")
    clock.now = began + PENDING
    await connect(still_house, phone, began + PENDING)
    assert await state_of(phone) == "expired"
