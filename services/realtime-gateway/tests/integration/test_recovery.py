"""A phone receives exactly what it missed and then what happens, or is told to resync: never a silent gap."""

from __future__ import annotations

import asyncio
import socket
from typing import Any
from uuid import uuid4

import pytest
from gateway_testing.house import House, RunningGateway
from gateway_testing.owner_double import Guest, OwnerDouble, Table, admitted
from gateway_testing.phones import TestPhone

from realtime_gateway import recovery
from realtime_gateway.owner import Page
from twotop_common.contracts.session_api import ParticipantLeft, ParticipantRenewed, SessionEnded
from twotop_common.testing.eventually import eventually

pytestmark = pytest.mark.integration


async def test_a_returning_phone_gets_what_it_missed_and_nothing_else(house: House) -> None:
    gateway = await house.gateway()
    table = house.owner.seat()
    for _ in range(9):
        house.owner.append(table, hint=False)
    await house.registered(gateway, table)
    async with gateway.phone(table) as phone:
        hello = await phone.auth(house.owner.credential(table, table.guests[0]), last_seq=4, epoch="epoch-1")
        assert hello["last_seq"] == 10
        assert await phone.until_seq(10) == [5, 6, 7, 8, 9, 10]


async def test_an_up_to_date_phone_gets_nothing_and_then_what_is_new(house: House) -> None:
    gateway, table = await house.open_table()
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]), last_seq=1)
        await phone.expect("presence")
        house.owner.append(table)
        assert await phone.until_seq(2) == [2]


async def test_nothing_falls_between_missed_and_live_under_load(house: House) -> None:
    gateway = await house.gateway(compare_heads_s=60)
    table = house.owner.seat()
    house.owner.page_limit = 500
    await house.registered(gateway, table)
    credential = house.owner.credential(table, table.guests[0])
    writing = True

    async def write() -> None:
        while writing:
            house.owner.append(table)
            await asyncio.sleep(0.001)

    writer = asyncio.create_task(write())
    last_seq = 0
    for _ in range(15):
        async with gateway.phone(table) as phone:
            await phone.auth(credential, last_seq=last_seq)
            seen = await phone.until_seq(table.last_seq + 5)
            assert seen == list(range(last_seq + 1, seen[-1] + 1))
            last_seq = seen[-1]
    writing = False
    await writer


async def test_events_that_happen_while_the_phone_is_fetching_are_held_for_it(house: House) -> None:
    gateway, table = await house.open_table()
    house.owner.open_gate.clear()
    async with gateway.phone(table) as phone:
        hello = asyncio.create_task(phone.auth(house.owner.credential(table, table.guests[0])))
        await eventually(lambda: "events" in house.owner.calls)
        for _ in range(3):
            house.owner.append(table)
        room = gateway.rooms.get(table.session_id)
        await eventually(lambda: room.log.head == 4)
        house.owner.open_gate.set()
        await hello
        assert await phone.until_seq(4) == [1, 2, 3, 4]


async def test_what_happens_between_the_first_page_and_the_admission_is_fetched(house: House) -> None:
    gateway = await house.gateway(registration_wait_s=10, compare_heads_s=60)
    table = house.owner.seat()
    a, b = table.guests
    async with gateway.phone(table) as first, gateway.phone(table) as second:
        await house.tell(admitted(table, a), session_id=table.session_id)
        await first.auth(house.owner.credential(table, a))
        await first.expect("presence")
        fetched = house.owner.calls.count("events")
        hello = asyncio.create_task(second.auth(house.owner.credential(table, b)))
        await eventually(lambda: house.owner.calls.count("events") > fetched)
        for _ in range(3):
            house.owner.append(table)
        assert await first.until_seq(4) == [1, 2, 3, 4]
        await house.tell(admitted(table, b), session_id=table.session_id)
        await hello
        assert await second.until_seq(4) == [1, 2, 3, 4]
        house.owner.append(table)
        assert await second.until_seq(5) == [1, 2, 3, 4, 5]


async def test_a_first_page_that_is_refused_too_early_is_asked_for_again(house: House) -> None:
    gateway = await house.gateway(registration_wait_s=10)
    table = house.owner.seat("A")
    b = Guest(uuid4(), "B")
    async with gateway.phone(table) as phone:
        hello = asyncio.create_task(phone.auth(house.owner.credential(table, b)))
        await eventually(lambda: "events" in house.owner.calls)
        table.guests.append(b)
        await house.tell(admitted(table, b), session_id=table.session_id)
        assert (await hello)["role"] == "B"
        assert await phone.until_seq(1) == [1]


async def test_a_lost_last_hint_is_healed_by_comparing_heads(house: House) -> None:
    gateway, table = await house.open_table(compare_heads_s=0.2)
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.expect("presence")
        house.owner.append(table, hint=False)
        assert await phone.until_seq(2) == [1, 2]


async def test_a_gap_is_fetched_at_once(house: House) -> None:
    gateway, table = await house.open_table(compare_heads_s=60)
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.expect("presence")
        house.owner.append(table, hint=False)
        house.owner.append(table)
        assert await phone.until_seq(3) == [1, 2, 3]


async def test_doubled_and_reordered_hints_are_delivered_once_in_order(house: House) -> None:
    gateway, table = await house.open_table(compare_heads_s=60)
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.expect("presence")
        events = [house.owner.append(table, hint=False) for _ in range(4)]
        for event in (events[2], events[0], events[2], events[1], events[0], events[3]):
            house.owner.hint(table, event)
        assert await phone.until_seq(5) == [1, 2, 3, 4, 5]
        house.owner.append(table)
        assert await phone.until_seq(6) == [1, 2, 3, 4, 5, 6]


async def test_pong_carries_the_head(house: House) -> None:
    gateway, table = await house.open_table()
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        house.owner.append(table)
        await phone.until_seq(2)
        await phone.say(type="ping")
        assert (await phone.expect("pong"))["last_seq"] == 2


async def test_many_pages_are_fetched(house: House) -> None:
    gateway = await house.gateway()
    table = house.owner.seat()
    for _ in range(1_234):
        house.owner.append(table, hint=False)
    await house.registered(gateway, table)
    async with gateway.phone(table) as first, gateway.phone(table) as second:
        await first.auth(house.owner.credential(table, table.guests[0]))
        assert await first.until_seq(1_235) == list(range(1, 1_236))
        await second.auth(house.owner.credential(table, table.guests[1]))
        assert await second.until_seq(1_235) == list(range(1, 1_236))


async def test_the_one_who_leaves_learns_why_and_the_other_stays(house: House) -> None:
    gateway, table = await house.open_table()
    a, b = table.guests
    async with gateway.phone(table) as first, gateway.phone(table) as second:
        await first.auth(house.owner.credential(table, a))
        await second.auth(house.owner.credential(table, b))
        await first.until_presence(A="online", B="online")
        b.left = True
        house.owner.append(table, "participant_left", participant_id=str(b.participant_id), role="B")
        assert await second.close_code() == 4403
        assert second.seqs == [1, 2]
        await first.until_seq(2)
        frame = await first.expect("presence")
        assert [one["role"] for one in frame["participants"]] == ["A"]


@pytest.mark.parametrize("hint", [True, False])
async def test_a_renewed_credential_revokes_the_socket_of_the_old_one(house: House, hint: bool) -> None:
    gateway, table = await house.open_table(compare_heads_s=0.2)
    a = table.guests[0]
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, a))
        await phone.expect("presence")
        a.generation = 2
        house.owner.append(table, "credential_renewed", hint=hint, participant_id=str(a.participant_id), generation=2)
        assert await phone.close_code() == 4401
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, a), last_seq=1)
        assert await phone.until_seq(2) == [2]


async def test_the_end_of_the_session_reaches_the_phone_before_its_socket_closes(house: House) -> None:
    gateway, table = await house.open_table()
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.expect("presence")
        house.owner.append(table, "session_closed", reason="guest")
        assert await phone.close_code() == 4410
        assert phone.seqs == [1, 2]
        assert phone.bye == "session_ended"


ANSWERS = ["beneath the third bridge", "at her grandmother's"]


def _reveal_answers_and_seat_a_newcomer_unheard(owner: OwnerDouble, table: Table) -> None:
    newcomer = table.guests[1]
    owner.append(table, "answers_revealed", hint=False, answers=ANSWERS)
    joined = owner.append(table, "partner_joined", hint=False, participant_id=str(newcomer.participant_id))
    newcomer.joined = joined.seq


def _answers_read_by(phone: TestPhone) -> list[Any]:
    events = [frame["event"] for frame in phone.frames if frame["type"] == "event"]
    return [event["data"]["answers"] for event in events if event["type"] == "answers_revealed"]


async def test_what_is_withheld_from_a_newcomer_reaches_the_one_who_was_there(house: House) -> None:
    gateway, table = await house.open_table(compare_heads_s=60)
    a, b = table.guests
    async with gateway.phone(table) as there, gateway.phone(table) as newcomer:
        await there.auth(house.owner.credential(table, a))
        await there.expect("presence")
        _reveal_answers_and_seat_a_newcomer_unheard(house.owner, table)
        await newcomer.auth(house.owner.credential(table, b))
        for phone in (there, newcomer):
            assert await phone.until_seq(3) == [1, 2, 3]
        assert (_answers_read_by(there), _answers_read_by(newcomer)) == ([ANSWERS], [[]])


async def test_what_is_withheld_from_a_newcomer_reaches_the_one_who_returns_more_slowly(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, table = await house.open_table(compare_heads_s=60)
    a, b = table.guests
    credential = house.owner.credential(table, a)
    async with gateway.phone(table) as before, gateway.phone(table) as back, gateway.phone(table) as newcomer:
        await before.auth(credential)
        await before.until_seq(1)
        read, go_on = _delay_what_is_read_with(credential, gateway, monkeypatch)
        returning = asyncio.create_task(back.auth(credential, last_seq=1))
        await read.wait()
        _reveal_answers_and_seat_a_newcomer_unheard(house.owner, table)
        await newcomer.auth(house.owner.credential(table, b))
        await newcomer.until_seq(3)
        room = gateway.rooms.get(table.session_id)
        await eventually(lambda: room.log.cursor == 3)
        go_on.set()
        await returning
        assert await back.until_seq(3) == [2, 3]
        assert (_answers_read_by(back), _answers_read_by(newcomer)) == ([ANSWERS], [[]])


def _delay_what_is_read_with(
    credential: str, gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> tuple[asyncio.Event, asyncio.Event]:
    """Two events: the first page was read with this credential; the page may arrive."""
    owner, read, go_on = gateway.rooms._owner, asyncio.Event(), asyncio.Event()
    events = owner.events

    async def late_events(session_id: Any, by: str, cursor: int) -> Page:
        page: Page = await events(session_id, by, cursor)
        if by == credential:
            read.set()
            await go_on.wait()
        return page

    monkeypatch.setattr(owner, "events", late_events)
    return read, go_on


async def test_facts_make_the_room_fetch_the_event_that_its_hint_lost(house: House) -> None:
    gateway, table = await house.open_table(compare_heads_s=60)
    a, b = table.guests
    async with gateway.phone(table) as first, gateway.phone(table) as second:
        await first.auth(house.owner.credential(table, a))
        await second.auth(house.owner.credential(table, b))
        house.owner.append(table, "participant_left", hint=False, participant_id=str(b.participant_id), role="B")
        fact = ParticipantLeft(session_id=table.session_id, seq=2, participant_id=b.participant_id, role="B")
        await house.tell(fact, session_id=table.session_id)
        assert await second.close_code() == 4403
        house.owner.append(table, "credential_renewed", hint=False, participant_id=str(a.participant_id), generation=2)
        renewed = ParticipantRenewed(session_id=table.session_id, seq=3, participant_id=a.participant_id, generation=2)
        await house.tell(renewed, session_id=table.session_id)
        assert await first.close_code() == 4401


async def test_the_fact_of_an_end_leaves_a_tombstone(house: House) -> None:
    gateway, table = await house.open_table()
    event = house.owner.append(table, "session_expired", reason="idle")
    fact = SessionEnded(session_id=table.session_id, seq=2, state="expired", reason="idle", ended_at=event.at)
    await house.tell(fact, session_id=table.session_id)

    async def refused() -> bool:
        async with gateway.phone(table) as phone:
            await phone.say(type="auth", credential=house.owner.credential(table, table.guests[0]), last_seq=2)
            return await phone.close_code() == 4410

    await eventually(refused)
    assert "participant" not in house.owner.calls


async def test_a_session_that_the_owner_has_forgotten_is_closed(house: House) -> None:
    gateway, table = await house.open_table(compare_heads_s=0.2)
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        del house.owner.tables[table.session_id]
        assert await phone.close_code() == 4404


async def test_a_phone_refused_during_a_fetch_goes_and_the_other_fetches(house: House) -> None:
    gateway, table = await house.open_table(compare_heads_s=60)
    a, b = table.guests
    async with gateway.phone(table) as first, gateway.phone(table) as second:
        await first.auth(house.owner.credential(table, a))
        await second.auth(house.owner.credential(table, b))
        await second.until_presence(B="online")
        a.left = True
        house.owner.append(table, hint=False)
        house.owner.append(table)
        assert await first.close_code() == 4403
        assert await second.until_seq(3) == [1, 2, 3]


async def test_a_phone_that_takes_nothing_while_it_recovers_is_too_slow(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "DRAIN_TIMEOUT_S", 0.2)
    gateway = await house.gateway()
    table = house.owner.seat()
    for _ in range(4_800):
        house.owner.append(table, hint=False, note="x" * 1_600)
    await house.registered(gateway, table)
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    narrow.connect(("127.0.0.1", int(gateway.url.rsplit(":", 1)[1])))
    narrow.setblocking(False)
    async with gateway.phone(table, sock=narrow, max_queue=1) as phone:
        await phone.say(type="auth", credential=house.owner.credential(table, table.guests[0]), last_seq=0)
        await eventually(lambda: house.owner.calls.count("events") > 1 and not list(gateway.rooms))
        assert await phone.close_code() == 4508
