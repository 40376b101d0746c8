"""Commands that are JSON and still cannot be stored are refused, never a failure of ours."""

from __future__ import annotations

import orjson
import pytest
from session_api_testing.house import House

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    "value", ["1" + "0" * 30, "[" * 300 + "]" * 300, "[" * 900 + "]" * 900, '{"a":' * 500 + "1" + "}" * 500]
)
async def test_data_beyond_what_json_libraries_agree_on_is_refused(house: House, value: str) -> None:
    phone = await house.start()
    body = f'{{"idempotency_key": "k", "type": "choose_context", "data": {{"context": "mature", "extra": {value}}}}}'
    answer = await phone.post("/events", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] in ("invalid_request", "invalid_field")
    assert [event["seq"] for event in await phone.log()] == [1]


@pytest.mark.parametrize("text", ["\\ud800", "\\u0000"])
async def test_text_that_cannot_be_stored_is_refused(house: House, text: str) -> None:
    phone = await house.start()
    for body in (
        f'{{"idempotency_key": "k{text}", "type": "choose_context", "data": {{"context": "mature"}}}}',
        f'{{"idempotency_key": "k", "type": "choose_context", "data": {{"context": "mature", "x": "{text}"}}}}',
    ):
        answer = await phone.post("/events", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422)
        assert orjson.loads(answer.content)["code"] in ("invalid_request", "invalid_field")
