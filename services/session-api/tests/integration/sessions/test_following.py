"""Facts of the other services become events; limits fall due at their instant."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from session_api_testing.house import House, Phone, delivery

from session_api.sessions import queries
from session_api.sessions.consumers import message_handlers
from session_api.sessions.domain.commands import AdmitPartner
from session_api.sessions.domain.decider import fold
from session_api.sessions.domain.views import view_state
from session_api.sessions.log import Request
from twotop_common.contracts.cleanup_worker import ExpireSession
from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.pairing import (
    PairingCancelled,
    PairingCodeReplaced,
    PairingExpired,
    PairingMatched,
    PairingWithdrawn,
)
from twotop_common.contracts.realtime_gateway import ParticipantConnected, ParticipantGone
from twotop_common.credentials import ParticipantClaims
from twotop_common.testing.eventually import eventually
from twotop_common.testing.fakes import Clock

pytestmark = pytest.mark.integration


def matched(phone: Phone, house: House, participant_id: UUID, generation: int = 1) -> PairingMatched:
    return PairingMatched(
        session_id=phone.session_id,
        generation=generation,
        participant_id=participant_id,
        credential_generation=1,
        matched_at=house.deps.now(),
    )


def partner_of(phone: Phone, house: House, participant_id: UUID) -> Phone:
    """Device B as pairing admits it: with a credential that may be ahead of the roster."""
    now = house.deps.now().replace(microsecond=0)
    claims = ParticipantClaims(phone.session_id, participant_id, "B", 1, now, now + timedelta(hours=48))
    return Phone(phone.client, phone.session_id, participant_id, house.deps.signer.issue(claims))


async def handle(house: House, fact: Contract, message_id: UUID | None = None) -> None:
    await message_handlers(house.deps)[type(fact)](fact, delivery(message_id))


async def types(phone: Phone) -> list[str]:
    return [event["type"] for event in await phone.log()]


async def outbox(house: House) -> list[str]:
    return [row["type"] for row in await house.deps.pool.fetch("SELECT type FROM outbox ORDER BY position")]


async def test_a_matched_pair_through_the_broker(house: House) -> None:
    phone = await house.start()
    partner = partner_of(phone, house, uuid4())
    await house.tell(matched(phone, house, partner.participant_id))
    answer = await partner.get("/snapshot")
    assert answer.status_code == 200
    assert answer.json()["state"]["dual_status"] == "paired"
    assert await types(phone) == ["session_created", "partner_joined"]
    await phone.command("set_ready", {"ready": True})
    await partner.command("set_ready", {"ready": True})
    assert (await types(phone))[2:] == ["ready_changed", "ready_changed", "both_ready"]


async def test_a_credential_ahead_of_the_roster_is_waited_for_then_refused(house: House) -> None:
    phone = await house.start()
    partner = partner_of(phone, house, uuid4())
    asking = asyncio.create_task(partner.command("choose_context", {"context": "exploring"}))
    await handle(house, matched(phone, house, partner.participant_id))
    assert (await asking).status_code == 201
    stranger = partner_of(phone, house, uuid4())
    for answer in (await stranger.get(), await stranger.command("set_ready", {"ready": True})):
        assert (answer.status_code, answer.json()["code"]) == (403, "not_a_participant")


async def test_a_fact_delivered_twice_is_one_event(house: House) -> None:
    phone = await house.start()
    fact, message_id = matched(phone, house, uuid4()), uuid4()
    await handle(house, fact, message_id)
    await handle(house, fact, message_id)
    await handle(house, fact, uuid4())
    assert await types(phone) == ["session_created", "partner_joined"]


async def test_a_match_of_an_ended_session_is_void_and_b_is_told(house: House) -> None:
    phone = await house.start()
    partner = partner_of(phone, house, uuid4())
    await phone.post("/close")
    await handle(house, matched(phone, house, partner.participant_id))
    assert await types(phone) == ["session_created", "session_closed"]
    refused = await partner.get()
    assert (refused.status_code, refused.json()["code"]) == (410, "session_closed")


async def test_codes_run_out_are_withdrawn_replaced_and_given_up(house: House) -> None:
    phone = await house.start()
    now = house.deps.now()
    await handle(house, PairingExpired(session_id=phone.session_id, generation=1, expired_at=now))
    replaced = PairingCodeReplaced(
        session_id=phone.session_id, generation=2, expires_at=now + timedelta(minutes=10), replaced_at=now
    )
    await handle(house, replaced)
    await handle(house, PairingWithdrawn(session_id=phone.session_id, generation=2, withdrawn_at=now))
    await handle(house, PairingCancelled(session_id=phone.session_id, generation=2, cancelled_at=now))
    log = await phone.log()
    assert [event["type"] for event in log] == [
        "session_created",
        "pairing_expired",
        "pairing_code_replaced",
        "pairing_expired",
        "mode_changed",
    ]
    assert [event["data"].get("reason") for event in log[1:4]] == ["expired", None, "withdrawn"]
    assert (await phone.get()).json()["mode"] == "single"


async def test_facts_about_unknown_sessions_are_dropped(house: House) -> None:
    lost = uuid4()
    now = house.deps.now()
    await handle(house, PairingExpired(session_id=lost, generation=1, expired_at=now))
    await handle(house, ExpireSession(session_id=lost, due_at=now))
    await handle(house, ParticipantConnected(session_id=lost, participant_id=lost, role="A", connected_at=now))
    await handle(house, ParticipantGone(session_id=lost, participant_id=lost, role="A", gone_at=now))


async def test_b_leaves_and_its_place_is_closed(house: House) -> None:
    phone = await house.start()
    partner = partner_of(phone, house, uuid4())
    await handle(house, matched(phone, house, partner.participant_id))
    left = await house.client.delete(partner.path(f"/members/{partner.participant_id}"), headers=partner.headers)
    assert left.status_code == 200
    refused = await partner.get()
    assert (refused.status_code, refused.json()["code"]) == (403, "not_a_participant")
    assert (await types(phone))[-1] == "participant_left"


async def test_after_a_dual_story_the_snapshot_is_the_fold_of_the_log(house: House) -> None:
    phone = await house.start(context=None)
    partner = partner_of(phone, house, uuid4())

    async def both_see_the_fold() -> None:
        async with house.deps.pool.acquire() as connection:
            log = await queries.events_after(connection, phone.session_id, 0, limit=None)
        for reader in (phone, partner):
            snapshot = (await reader.get("/snapshot")).json()
            assert (snapshot["last_seq"], snapshot["state"]) == (
                log[-1].seq,
                view_state(fold(log), reader.participant_id),
            )

    await handle(house, matched(phone, house, partner.participant_id))
    await phone.command("choose_context", {"context": "mature"})
    await partner.command("opt_in_mature", {})
    await phone.command("set_ready", {"ready": True})
    await both_see_the_fold()
    await partner.command("set_ready", {"ready": True})
    await both_see_the_fold()
    await phone.post("/close")
    await both_see_the_fold()
    assert {"partner_joined", "mature_opted_in", "both_ready", "session_closed"} <= set(await types(phone))


@pytest.mark.parametrize(("minutes", "ended"), [(30 - 1 / 60, False), (30, True)])
async def test_a_pending_session_ends_exactly_at_its_limit(
    still_house: House, clock: Clock, minutes: float, ended: bool
) -> None:
    phone = await still_house.start()
    clock.advance(minutes=minutes)
    answer = await phone.command("choose_context", {"context": "mature"})
    if ended:
        assert (answer.status_code, answer.json()["code"]) == (410, "session_expired")
        assert await types(phone) == ["session_created", "session_expired"]
        assert (await phone.log())[-1]["data"] == {"reason": "pending"}
    else:
        assert answer.status_code == 201


async def test_the_first_look_after_a_limit_shows_the_end(still_house: House, clock: Clock) -> None:
    phone = await still_house.start()
    clock.advance(minutes=30)
    session = (await phone.get()).json()
    assert (session["state"], session["expires_at"]) == ("expired", clock().isoformat().replace("+00:00", "Z"))
    clock.advance(hours=24, seconds=-1)
    assert (await phone.get()).status_code == 200
    clock.advance(seconds=1)
    gone = await phone.get()
    assert (gone.status_code, gone.json()["code"]) == (404, "session_not_found")


async def test_asked_at_the_limit_the_owner_ends_and_asked_early_it_names_the_next(
    still_house: House, clock: Clock
) -> None:
    phone = await still_house.start("single")
    command = ExpireSession(session_id=phone.session_id, due_at=clock())
    clock.advance(minutes=20)
    await phone.command("choose_context", {"context": "mature"})
    await handle(still_house, command)
    assert (await phone.get()).json()["state"] == "browsing"
    clock.advance(minutes=90)
    await handle(still_house, command)
    await handle(still_house, command)
    assert (await types(phone))[-1] == "session_expired"
    assert (await phone.get()).json()["state"] == "expired"


async def test_activity_extends_idle_time_but_never_the_absolute_limit(still_house: House, clock: Clock) -> None:
    phone = await still_house.start("single")
    started = clock()
    for number in range(16):
        context = "established" if number % 2 else "mature"
        assert (await phone.command("choose_context", {"context": context})).status_code == 201
        clock.advance(minutes=89)
    await phone.command("choose_context", {"context": "mature"})
    expires_at = (await phone.get()).json()["expires_at"]
    assert expires_at == (started + timedelta(hours=24)).isoformat().replace("+00:00", "Z")
    clock.now = started + timedelta(hours=24)
    assert (await phone.get()).json()["state"] == "expired"


async def test_a_socket_that_opens_is_activity_and_a_read_is_not(still_house: House, clock: Clock) -> None:
    phone = await still_house.start()
    clock.advance(minutes=20)
    await phone.get("/snapshot")
    assert (await phone.get()).json()["last_activity_at"] == phone.created["session"]["created_at"]
    await handle(
        still_house,
        ParticipantConnected(
            session_id=phone.session_id, participant_id=phone.participant_id, role="A", connected_at=clock()
        ),
    )
    clock.advance(minutes=29)
    assert (await phone.command("choose_context", {"context": "mature"})).status_code == 201


@pytest.mark.parametrize(("seconds", "ended"), [(-1, False), (0, True)])
@pytest.mark.parametrize("act", ["a new code", "going on alone"])
async def test_what_a_does_with_its_code_before_the_limit_is_activity(
    still_house: House, clock: Clock, act: str, seconds: int, ended: bool
) -> None:
    phone = await still_house.start()
    clock.advance(minutes=28)
    if act == "a new code":
        until = clock() + timedelta(minutes=10)
        fact: Contract = PairingCodeReplaced(
            session_id=phone.session_id, generation=2, expires_at=until, replaced_at=clock()
        )
    else:
        fact = PairingCancelled(session_id=phone.session_id, generation=1, cancelled_at=clock())
    await handle(still_house, fact)
    clock.advance(minutes=2)
    assert (await phone.get()).json()["state"] == "pending"
    # The same word again changes nothing, so it moves no limit either.
    await handle(still_house, fact)
    clock.advance(minutes=28, seconds=seconds)
    assert ((await phone.get()).json()["state"] == "expired") is ended


@pytest.mark.parametrize(("seconds", "ended"), [(-1, False), (0, True)])
async def test_a_partner_who_takes_the_place_of_an_absent_one_is_activity(
    still_house: House, clock: Clock, seconds: int, ended: bool
) -> None:
    phone = await still_house.start()
    await handle(still_house, matched(phone, still_house, uuid4()))
    clock.advance(minutes=80)
    await handle(still_house, matched(phone, still_house, uuid4(), generation=2))
    assert await types(phone) == ["session_created", "partner_joined", "partner_joined"]
    clock.advance(minutes=90, seconds=seconds)
    assert ((await phone.get()).json()["state"] == "expired") is ended


async def test_a_code_that_ends_by_itself_is_no_activity(still_house: House, clock: Clock) -> None:
    phone = await still_house.start()
    clock.advance(minutes=28)
    await handle(still_house, PairingWithdrawn(session_id=phone.session_id, generation=1, withdrawn_at=clock()))
    clock.advance(minutes=2)
    assert (await phone.get()).json()["state"] == "expired"


async def test_a_code_that_ran_out_leaves_five_minutes(still_house: House, clock: Clock) -> None:
    phone = await still_house.start()
    clock.advance(minutes=10)
    await handle(still_house, PairingExpired(session_id=phone.session_id, generation=1, expired_at=clock()))
    clock.advance(minutes=5, seconds=-1)
    assert (await phone.get()).json()["dual_status"] == "expired"
    clock.advance(seconds=1)
    assert (await phone.log())[-1]["data"] == {"reason": "pairing"}


async def test_every_end_is_counted_once_without_anybodys_name(house: House) -> None:
    phone = await house.start()
    await handle(house, matched(phone, house, uuid4()))
    await phone.post("/close")
    rows = await house.deps.pool.fetch("SELECT * FROM analytics_events ORDER BY id")
    assert [row["kind"] for row in rows] == ["session_created", "partner_joined", "session_ended"]
    known = {str(phone.session_id), str(phone.participant_id)}
    assert not known & {str(value) for row in rows for value in row.values()}


async def test_facts_leave_in_the_same_commit(house: House) -> None:
    phone = await house.start()
    await handle(house, matched(phone, house, uuid4()))
    await phone.post("/close")

    async def all_sent() -> bool:
        return not await outbox(house)

    await eventually(all_sent)


async def test_an_other_process_that_went_ahead_is_noticed(house: House) -> None:
    phone = await house.start("single", context=None)
    await phone.command("choose_context", {"context": "mature"})
    head = await house.deps.log.head(phone.session_id)
    house.deps.log.forget(phone.session_id)
    await house.deps.log.execute(Request(phone.session_id, "other-process", b"", AdmitPartner(uuid4(), 1, 1)))
    house.deps.log._remember(head)
    answer = await phone.command("choose_context", {"context": "exploring"})
    assert [event["type"] for event in answer.json()["events"]] == ["change_requested"]
    stale: Any = head.state.last_seq
    conflict = await phone.command("set_ready", {"ready": True}, expected_seq=stale)
    assert conflict.json()["code"] == "seq_conflict"
