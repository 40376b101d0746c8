"""The path that most calls take says the same as the framework's own."""

from __future__ import annotations

import pytest
from session_api_testing.house import House

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code", "field"),
    [
        ("{", "application/json", 400, "invalid_request", None),
        ("[]", "application/json", 422, "invalid_field", "body"),
        ("{}", "application/json", 422, "invalid_field", "idempotency_key"),
        ('{"idempotency_key": "", "type": "end_session"}', "application/json", 422, "invalid_field", "idempotency_key"),
        ('{"idempotency_key": "k", "type": "end_session"}', "text/plain", 422, "invalid_field", "body"),
    ],
)
async def test_what_cannot_be_read_is_named(
    house: House, body: str, content_type: str, status: int, code: str, field: str | None
) -> None:
    phone = await house.start()
    answer = await phone.post("/events", content=body, headers={"Content-Type": content_type})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    if field is not None:
        assert problem["errors"][0]["field"] == field


async def test_a_session_id_that_is_none_is_named(house: House) -> None:
    phone = await house.start()
    answer = await phone.client.post(
        "/api/v1/sessions/none/events",
        json={"idempotency_key": "k", "type": "end_session"},
        headers={"Authorization": f"Bearer {phone.credential}"},
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "session_id"


async def test_the_other_methods_of_the_path_are_still_there(house: House) -> None:
    phone = await house.start()
    assert [event["seq"] for event in await phone.log()] == [1]
