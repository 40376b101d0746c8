"""Limits that suit a dining room behind one address."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from session_api_testing.house import OTHER_TABLE, TABLE, House, running_house

from session_api.settings import SessionApiSettings
from twotop_common.service_defaults.settings import load_settings

pytestmark = pytest.mark.integration


async def create(house: House, address: str, table: str = TABLE) -> Any:
    body = {"table_token": table, "mode": "single"}
    answer = await house.client.post("/api/v1/sessions", json=body, headers={"X-Twotop-Client": address})
    if answer.status_code == 201:
        await house.phone(answer.json()).post("/close")
    return answer


@pytest.mark.parametrize("with_redis", [True, False])
async def test_ten_sessions_a_minute_from_one_address_at_one_table(
    settings: SessionApiSettings, with_redis: bool
) -> None:
    limited = load_settings(
        SessionApiSettings,
        environment="test",
        database_url=settings.database_url,
        broker_url=settings.broker_url,
        redis_url=settings.redis_url if with_redis else "redis://127.0.0.1:1/0",
        rate_limits_enabled=True,
    )
    async with running_house(limited) as house:
        answers = [await create(house, "127.1.2.3") for _ in range(11)]
        assert [answer.status_code for answer in answers] == [201] * 10 + [429]
        assert answers[-1].json()["code"] == "rate_limited"
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert (await create(house, "127.1.2.3", OTHER_TABLE)).status_code == 201
        assert (await create(house, "127.1.2.4")).status_code == 201


async def test_sixty_requests_a_minute_of_one_participant_whatever_its_partner_does(
    settings: SessionApiSettings,
) -> None:
    limited = settings.model_copy(update={"rate_limits_enabled": True})
    async with running_house(limited) as house:
        phone = await house.start("single")
        statuses = [(await phone.get()).status_code for _ in range(30)]
        commands = [(await phone.command("choose_context", {"context": "exploring"})).status_code for _ in range(31)]
        assert statuses + commands[:30] == [200] * 30 + [201] * 30
        assert commands[30] == 429
        other = await house.start("single", table=OTHER_TABLE)
        assert (await other.get()).status_code == 200
        stranger = await house.client.get(phone.path(), headers={"Authorization": f"Bearer {uuid4()}"})
        assert stranger.status_code == 401
