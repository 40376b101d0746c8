"""Creating, resuming, reading and ending sessions over HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY as METRICS
from session_api_testing.house import CLOSED_TABLE, DISABLED_TABLE, OTHER_TABLE, TABLE, House
from sqlalchemy.ext.asyncio import AsyncSession

from session_api.sessions import queries
from session_api.sessions.domain.decider import fold
from session_api.sessions.domain.views import view_state
from session_api.venues.importing import import_venues
from session_api.venues.venue_file import VenueFile
from twotop_common.testing.fakes import Clock

pytestmark = pytest.mark.integration
KEY = "a-random-key-of-22-or-more"


async def create(house: House, *, key: str | None = None, **body: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await house.client.post("/api/v1/sessions", json={"table_token": TABLE, **body}, headers=headers)


async def test_a_dual_session_comes_with_a_code_and_a_link(house: House) -> None:
    answer = await create(house, mode="dual", context="mature", language="vi", nickname="Lan")
    assert answer.status_code == 201
    created = answer.json()
    session, participant, pairing = created["session"], created["participant"], created["pairing"]
    assert (session["state"], session["dual_status"], session["context"]) == ("pending", "waiting", "mature")
    assert (session["last_seq"], session["cart_items_count"], session["order_ids"]) == (1, 0, [])
    assert participant["role"] == "A"
    code = pairing["code"].replace("-", "")
    assert len(code) == 6
    assert set(code) <= set("BCDFGHJKLMNPQRSTVWXZ")
    assert f"/t/{TABLE}#join={session['session_id']}." in pairing["join_url"]
    assert answer.headers["cache-control"] == "no-store"


async def test_every_scan_gets_a_session_of_its_own(house: House) -> None:
    first, second = await create(house, mode="dual"), await create(house, mode="single")
    assert first.json()["session"]["session_id"] != second.json()["session"]["session_id"]
    assert second.json()["pairing"] is None


async def test_a_repeat_gets_the_same_session_code_and_credential(house: House) -> None:
    answers = await asyncio.gather(*(create(house, mode="dual", key=KEY) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    other = await create(house, mode="single", key=KEY)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"table_token": "nowhere"}, 404, "table_not_found"),
        ({"table_token": CLOSED_TABLE}, 403, "location_closed"),
        ({"table_token": DISABLED_TABLE}, 423, "table_disabled"),
        ({"location_id": str(uuid4())}, 409, "table_mismatch"),
        ({"restaurant_id": "shut"}, 409, "table_mismatch"),
        ({"mode": "group"}, 422, "mode_unavailable"),
        ({"mode": "triple"}, 422, "invalid_field"),
        ({"context": "casual"}, 422, "invalid_field"),
        ({"nickname": ""}, 422, "invalid_field"),
        ({"nickname": "nul\u0000"}, 422, "invalid_field"),
    ],
)
async def test_bad_starts_are_refused_with_their_code(house: House, body: Any, status: int, code: str) -> None:
    answer = await create(house, **{"mode": "dual", **body})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_location_may_be_named_by_slug_or_by_its_old_field(house: House) -> None:
    assert (await create(house, mode="single", restaurant_id="corner")).status_code == 201


async def test_a_weak_key_is_refused_where_credentials_are_issued(house: House) -> None:
    answer = await create(house, mode="dual", key="short")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")


async def test_the_eleventh_live_session_at_a_table_is_refused_whatever_the_haste(house: House) -> None:
    refusals = METRICS.get_sample_value("twotop_sessions_refused_at_cap_total") or 0.0
    answers = await asyncio.gather(*(create(house, mode="single") for _ in range(25)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201] * 10 + [429] * 15
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["code"] == "table_session_limit"
    assert METRICS.get_sample_value("twotop_sessions_refused_at_cap_total") == refusals + 15
    assert (await create(house, mode="single", table_token=OTHER_TABLE)).status_code == 201
    started = next(answer for answer in answers if answer.status_code == 201)
    await house.phone(started.json()).post("/close")
    assert (await create(house, mode="single")).status_code == 201


async def test_a_session_goes_on_past_closing_time_and_none_begins(still_house: House, clock: Clock) -> None:
    bar = {
        "slug": "bar",
        "name": "Bar",
        "timezone": "Europe/Berlin",
        "language": "de",
        "currency": "EUR",
        "hours": {"sat": ["18:00-20:00"]},
        "tables": [{"number": 1, "token": "bar-table-token"}],
    }
    file = VenueFile.model_validate({"tenant": {"slug": "bar", "name": "Bar"}, "locations": [bar]})
    async with AsyncSession(still_house.deps.engine) as session, session.begin():
        await import_venues(session, file)
    # The clock stands at seven on a Saturday evening in Berlin.
    clock.advance(minutes=45)
    phone = await still_house.start("single", table="bar-table-token", context=None)
    clock.advance(minutes=15)
    refused = await create(still_house, mode="single", table_token="bar-table-token")
    assert (refused.status_code, refused.json()["code"]) == (403, "location_closed")
    assert (await phone.command("choose_context", {"context": "mature"})).status_code == 201


async def test_beginnings_and_ends_are_counted_by_mode_and_reason_and_repeats_are_not(
    still_house: House, clock: Clock
) -> None:
    def counted(event: str, mode: str, reason: str) -> float:
        labels = {"event": event, "mode": mode, "reason": reason}
        return METRICS.get_sample_value("twotop_sessions_total", labels) or 0.0

    rates = [
        ("session_created", "dual", ""),
        ("session_created", "single", ""),
        ("session_ended", "dual", "ended_by_guest"),
        ("session_ended", "single", "pending"),
    ]
    before = [counted(*rate) for rate in rates]
    phone = still_house.phone((await create(still_house, mode="dual", key=KEY)).json())
    assert (await create(still_house, mode="dual", key=KEY)).json() == phone.created
    for _ in range(3):
        await phone.post("/close", headers={"Idempotency-Key": "once"})
    alone = await still_house.start("single")
    clock.advance(minutes=30)
    assert (await alone.get()).json()["state"] == "expired"
    assert [counted(*rate) for rate in rates] == [value + 1 for value in before]


async def test_a_session_whose_commit_fails_is_counted_nowhere(house: House) -> None:
    def counted() -> float:
        created = {"event": "session_created", "mode": "dual", "reason": ""}
        return METRICS.get_sample_value("twotop_sessions_total", created) or 0.0

    await house.deps.pool.execute(
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
        CREATE CONSTRAINT TRIGGER refusing AFTER INSERT ON session_heads
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
        """
    )
    before = counted()
    assert (await create(house, mode="dual")).status_code == 500
    assert counted() == before
    await house.deps.pool.execute("DROP TRIGGER refusing ON session_heads")
    assert (await create(house, mode="dual")).status_code == 201
    assert counted() == before + 1


async def test_resume_is_by_id_and_credential(house: House) -> None:
    phone = await house.start()
    answer = await phone.get()
    assert answer.json() == phone.created["session"]
    assert (await phone.get(params={"table_token": TABLE})).status_code == 200
    moved = await phone.get(params={"table_token": OTHER_TABLE})
    assert (moved.status_code, moved.json()["code"]) == (409, "table_mismatch")


async def test_refusals_of_a_credential_have_their_own_codes(house: House) -> None:
    phone, other = await house.start(), await house.start(table=OTHER_TABLE)

    async def code_of(path: str, credential: str | None) -> tuple[int, str]:
        headers = {} if credential is None else {"Authorization": f"Bearer {credential}"}
        answer = await house.client.get(path, headers=headers)
        return answer.status_code, answer.json()["code"]

    assert await code_of(phone.path(), None) == (401, "credential_invalid")
    assert await code_of(phone.path(), phone.credential[:-4] + "AAAA") == (401, "credential_invalid")
    assert await code_of(phone.path(), other.credential) == (403, "not_a_participant")
    assert await code_of(f"/api/v1/sessions/{uuid4()}", phone.credential) == (404, "session_not_found")


async def test_a_credential_is_valid_until_its_instant(still_house: House, clock: Clock) -> None:
    phone = await still_house.start()
    claims = still_house.deps.verifier.verify(phone.credential, clock())
    phone.credential = still_house.deps.signer.issue(replace(claims, expires_at=clock() + timedelta(minutes=5)))
    clock.advance(minutes=5, seconds=-1)
    assert (await phone.get()).status_code == 200
    clock.advance(seconds=1)
    for refused in (await phone.get(), await phone.command("choose_context", {"context": "mature"})):
        assert (refused.status_code, refused.json()["code"]) == (401, "credential_expired")


async def test_the_snapshot_is_the_fold_and_answers_304(house: House) -> None:
    phone = await house.start("single")
    first = await phone.get("/snapshot")
    tag = first.headers["etag"]
    assert (await phone.get("/snapshot", headers={"If-None-Match": f'"x", W/{tag}'})).status_code == 304
    await phone.command("choose_context", {"context": "established"})
    second = await phone.get("/snapshot", headers={"If-None-Match": tag})
    assert second.status_code == 200
    assert second.json()["last_seq"] == 2
    async with house.deps.pool.acquire() as connection:
        log = await queries.events_after(connection, phone.session_id, 0, limit=None)
    assert second.json()["state"] == view_state(fold(log), phone.participant_id)
    assert second.json()["state"]["context"] == "established"
    assert second.headers["cache-control"] == "private, no-cache"


async def test_events_come_in_pages_and_an_empty_page_keeps_the_cursor(house: House) -> None:
    phone = await house.start("single")
    for context in ("established", "mature", "exploring"):
        await phone.command("choose_context", {"context": context})
    seqs: list[int] = []
    cursor = 0
    while True:
        page = (await phone.get("/events", params={"cursor": cursor, "limit": 2})).json()
        if not page["events"]:
            break
        seqs += [event["seq"] for event in page["events"]]
        cursor = page["next_cursor"]
    assert seqs == list(range(1, len(seqs) + 1))
    assert page["next_cursor"] == cursor
    assert page["epoch"]


@pytest.mark.parametrize("params", [{"cursor": -1}, {"limit": 501}, {"limit": 0}, {"wait": 26}, {"cursor": "x"}])
async def test_pages_have_bounds(house: House, params: Any) -> None:
    phone = await house.start("single")
    answer = await phone.get("/events", params=params)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")


async def test_a_long_poll_answers_when_something_happens(house: House) -> None:
    phone = await house.start("single")
    waiting = asyncio.create_task(phone.get("/events", params={"cursor": 1, "wait": 20}))
    await phone.get("/events", params={"cursor": 1})
    assert not waiting.done()
    await phone.command("choose_context", {"context": "mature"})
    answer = await asyncio.wait_for(waiting, 5)
    assert [event["type"] for event in answer.json()["events"]] == ["context_chosen", "mature_opted_in"]


async def test_commands_are_idempotent_by_key_and_body(house: House) -> None:
    phone = await house.start("single", context=None)
    first = await phone.command("choose_context", {"context": "mature"}, key="k")
    again = await phone.command("choose_context", {"context": "mature"}, key="k")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {**first.json(), "replayed": True}
    assert first.json()["event_id"] == f"{phone.session_id}:2"
    misuse = await phone.command("choose_context", {"context": "exploring"}, key="k")
    assert (misuse.status_code, misuse.json()["code"]) == (409, "idempotency_mismatch")


async def test_a_command_that_changes_nothing_is_accepted_once_and_repeated(house: House) -> None:
    phone = await house.start("single")
    first = await phone.command("choose_context", {"context": "exploring"}, key="k")
    again = await phone.command("choose_context", {"context": "exploring"}, key="k")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == {"events": [], "event_id": None, "event_seq": None, "last_seq": 1, "replayed": False}
    assert again.json()["replayed"]


async def test_other_names_of_type_and_data_are_accepted(house: House) -> None:
    phone = await house.start("single", context=None)
    body = {"idempotency_key": "k", "event_type": "choose_context", "payload": {"context": "mature"}}
    assert (await phone.post("/events", json=body)).status_code == 201


async def test_a_stale_expectation_gets_the_current_state(house: House) -> None:
    phone = await house.start("single", context=None)
    await phone.command("choose_context", {"context": "mature"})
    answer = await phone.command("choose_context", {"context": "exploring"}, expected_seq=1)
    assert (answer.status_code, answer.json()["code"]) == (409, "seq_conflict")
    assert answer.json()["current"]["last_seq"] == 3
    assert answer.json()["current"]["state"]["context"] == "mature"
    assert (await phone.command("choose_context", {"context": "exploring"}, expected_seq=3)).status_code == 201


@pytest.mark.parametrize(
    ("name", "data", "status", "code"),
    [
        ("fly", {}, 422, "unknown_command"),
        ("set_ready", {"ready": "yes"}, 422, "invalid_field"),
        ("set_ready", {"ready": True}, 409, "not_allowed"),
    ],
)
async def test_commands_are_refused_with_their_code(house: House, name: str, data: Any, status: int, code: str) -> None:
    answer = await (await house.start()).command(name, data)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if code == "not_allowed":
        assert answer.json()["reason"] == "partner_missing"


async def test_after_the_end_the_record_is_readable_and_commands_are_gone(house: House) -> None:
    phone = await house.start()
    closed = await phone.post("/close", headers={"Idempotency-Key": "once"})
    again = await phone.post("/close", headers={"Idempotency-Key": "once"})
    assert (closed.status_code, closed.json()["state"]) == (200, "closed")
    assert again.json() == closed.json()
    assert (await phone.get("/snapshot")).json()["state"]["end_reason"] == "ended_by_guest"
    refused = await phone.command("choose_context", {"context": "mature"})
    assert (refused.status_code, refused.json()["code"]) == (410, "session_closed")
    waited = await asyncio.wait_for(phone.get("/events", params={"cursor": 2, "wait": 20}), 5)
    assert waited.json()["events"] == []


async def test_a_renewed_credential_revokes_the_old_one_and_a_repeat_gets_the_same(house: House) -> None:
    phone = await house.start()
    headers = {"Idempotency-Key": KEY}
    renewed = await phone.post("/credential", headers=headers)
    assert (await phone.post("/credential", headers=headers)).json() == renewed.json()
    old = await phone.get()
    assert (old.status_code, old.json()["code"]) == (401, "credential_invalid")
    phone.credential = renewed.json()["credential"]
    assert (await phone.get()).status_code == 200


async def test_nobody_leaves_for_another_and_device_a_ends_instead(house: House) -> None:
    phone = await house.start()
    other = await house.client.delete(phone.path(f"/members/{uuid4()}"), headers=phone.headers)
    assert (other.status_code, other.json()["code"]) == (403, "not_a_participant")
    own = await house.client.delete(phone.path(f"/members/{phone.participant_id}"), headers=phone.headers)
    assert (own.status_code, own.json()["reason"]) == (409, "host_ends_session")


async def test_internal_paths_serve_gateways_and_have_no_version(house: House) -> None:
    phone = await house.start()
    base = f"/internal/sessions/{phone.session_id}"
    standing = (await house.client.get(f"{base}/participant", headers=phone.headers)).json()
    assert (standing["role"], standing["generation"], standing["last_seq"]) == ("A", 1, 1)
    missed = (await house.client.get(f"{base}/events", headers=phone.headers)).json()
    assert [event["type"] for event in missed["events"]] == ["session_created"]
    for cursor, status in ((2**31 - 1, 200), (2**31, 422), (2**53 - 1, 422)):
        ahead = await house.client.get(f"{base}/events", headers=phone.headers, params={"cursor": cursor})
        assert ahead.status_code == status
    unknown = str(uuid4())
    heads = (await house.client.post("/internal/heads", json={"session_ids": [str(phone.session_id), unknown]})).json()
    assert heads["heads"] == {str(phone.session_id): 1}
    await phone.post("/close")
    gone = await house.client.get(f"{base}/participant", headers=phone.headers)
    assert (gone.status_code, gone.json()["code"]) == (410, "session_closed")
