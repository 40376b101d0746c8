"""Phones that vanish without a word, and phones that only look like it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from gateway_testing.house import House, RunningGateway
from gateway_testing.owner_double import Guest, Table
from gateway_testing.phones import TestPhone, bare_phone, narrow_connection

from realtime_gateway.domain.closing import Closing
from realtime_gateway.domain.silence import Line
from twotop_common.testing.eventually import eventually

pytestmark = pytest.mark.integration

QUICK = {"probe_after_s": 0.2, "probe_timeout_s": 1.0}


@asynccontextmanager
async def watched_table(house: House, **settings: Any) -> AsyncIterator[tuple[RunningGateway, Table, Guest, TestPhone]]:
    """A gateway, a table with one phone at it, and the guest whose phone is watched."""
    gateway, table = await house.open_table(**settings)
    partner, guest = table.guests
    async with gateway.phone(table) as watching:
        await watching.auth(house.owner.credential(table, partner))
        yield gateway, table, guest, watching


def seated(gateway: RunningGateway, table: Table, guest: Guest) -> Any:
    return gateway.rooms.get(table.session_id).phones[guest.participant_id]


def heard_since(line: Line, before: float) -> bool:
    return line.heard_at > before


async def test_a_phone_that_vanished_is_missed_with_the_next_event_and_gone_counts_from_when_it_was_heard_of(
    house: House,
) -> None:
    async with watched_table(house, **QUICK, gone_after_s=60) as (gateway, table, guest, watching):
        writer = await bare_phone(gateway.url, table.session_id, house.owner.credential(table, guest))
        await watching.until_presence(A="online", B="online")
        heard_at = seated(gateway, table, guest).wire.line.heard_at
        house.owner.append(table)
        await watching.until_presence(A="online", B="away")
        assert gateway.attendance._lost[(table.session_id, guest.participant_id)].due == heard_at + 60
        writer.close()


async def test_one_that_vanished_long_ago_is_gone_as_soon_as_it_is_missed(house: House) -> None:
    async with watched_table(house, **QUICK, gone_after_s=0.9) as (gateway, table, guest, watching):
        writer = await bare_phone(gateway.url, table.session_id, house.owner.credential(table, guest))
        await watching.until_presence(B="online")
        house.owner.append(table)
        await watching.until_presence(B="away")
        lost = gateway.attendance._lost.get((table.session_id, guest.participant_id))
        assert lost is None or lost.due < time.monotonic()
        await watching.until_presence(B="gone")
        writer.close()


async def test_a_phone_that_closes_is_gone_after_its_full_time_however_long_it_was_silent_before(house: House) -> None:
    async with watched_table(house, gone_after_s=60) as (gateway, table, guest, watching):
        async with gateway.phone(table) as phone:
            await phone.auth(house.owner.credential(table, guest))
            seated(gateway, table, guest).wire.line.heard_at -= 30
            before = time.monotonic()
        await watching.until_presence(B="away")
        assert gateway.attendance._lost[(table.session_id, guest.participant_id)].due >= before + 60


async def test_a_phone_that_says_nothing_but_answers_pings_stays(house: House) -> None:
    async with watched_table(house, **QUICK) as (gateway, table, guest, _), gateway.phone(table) as quiet:
        await quiet.auth(house.owner.credential(table, guest))
        line = seated(gateway, table, guest).wire.line
        for _ in range(3):
            heard_at = line.heard_at
            event = house.owner.append(table)
            await quiet.until_seq(event.seq)
            await eventually(partial(heard_since, line, heard_at))
        house.owner.append(table)
        await quiet.until_seq(table.last_seq)


async def test_a_phone_that_its_partner_waits_for_is_asked_until_that_is_settled(house: House) -> None:
    async with watched_table(house, **QUICK) as (gateway, table, guest, _), gateway.phone(table) as quiet:
        await quiet.auth(house.owner.credential(table, guest))
        line = seated(gateway, table, guest).wire.line
        await quiet.until_seq(house.owner.append(table, "next_requested").seq)
        for _ in range(3):
            await eventually(partial(heard_since, line, line.heard_at))
        await quiet.until_seq(house.owner.append(table, "question_shown").seq)
        assert not gateway.rooms.get(table.session_id).awaiting


async def test_a_room_that_opens_onto_a_waiting_wish_misses_a_phone_that_vanishes_after_it_was_heard_of(
    house: House,
) -> None:
    gateway, table = await house.open_table(**QUICK)
    waiting, awaited = table.guests
    house.owner.append(table, "next_requested", hint=False)
    async with gateway.phone(table) as one, gateway.phone(table) as other:
        for guest, phone in ((waiting, one), (awaited, other)):
            await phone.auth(house.owner.credential(table, guest), last_seq=table.last_seq)
            await phone.expect("presence")
        line = seated(gateway, table, awaited).wire.line
        await eventually(partial(heard_since, line, line.heard_at))
        other.socket.transport.pause_reading()
        await one.until_presence(A="online", B="away")


@pytest.mark.parametrize("last_seq", [0, 1])
async def test_a_room_asks_no_phone_once_it_knows_that_nobody_waits(
    house: House, monkeypatch: pytest.MonkeyPatch, last_seq: int
) -> None:
    """``last_seq`` 0: the phone comes for the whole log. 1: it comes with an event that settles what went before."""
    gateway, table = await house.open_table()
    house.owner.append(table, "question_shown", hint=False)
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]), last_seq=last_seq)
        assert not await asked_after_silence(gateway, table, phone, monkeypatch)


@pytest.mark.parametrize(("event", "asked"), [(None, False), ("answer_given", False), ("next_requested", True)])
async def test_a_room_that_misses_no_settling_event_is_told_that_nobody_waits_and_follows_what_came_since(
    house: House, monkeypatch: pytest.MonkeyPatch, event: str | None, asked: bool
) -> None:
    gateway, table = await house.open_table()
    table.settled_at = house.owner.append(table, "question_shown", hint=False).seq
    if event is not None:
        house.owner.append(table, event, hint=False)
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]), last_seq=table.settled_at)
        assert await asked_after_silence(gateway, table, phone, monkeypatch) is asked


async def test_a_phone_without_a_partner_is_not_asked(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = await house.gateway()
    table = house.owner.seat("A")
    await house.registered(gateway, table)
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]), last_seq=1)
        assert not await asked_after_silence(gateway, table, phone, monkeypatch)


async def test_a_phone_is_asked_although_its_partner_has_no_socket_here(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, table = await house.open_table()
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]), last_seq=1)
        assert await asked_after_silence(gateway, table, phone, monkeypatch)


async def asked_after_silence(
    gateway: RunningGateway, table: Table, phone: TestPhone, monkeypatch: pytest.MonkeyPatch
) -> bool:
    """Whether the table's first guest is asked when it has been told nothing and has said nothing for a while."""
    line = seated(gateway, table, table.guests[0]).wire.line
    await eventually(lambda: time.monotonic() > line.taken_at)
    await phone.say(type="ping")
    await phone.expect("pong")
    later = line.heard_at + gateway.sockets._patience.ask_after_s
    monkeypatch.setattr(gateway.sockets, "_clock", lambda: later)
    gateway.sockets._swept_at = later
    gateway.sockets.sweep()
    return line.answer_due is not None


async def test_a_phone_that_is_sent_nothing_but_pongs_is_not_asked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched_table(house, **QUICK) as (gateway, table, guest, _), gateway.phone(table) as idle:
        await idle.auth(house.owner.credential(table, guest))
        phone = seated(gateway, table, guest)
        await eventually(lambda: time.monotonic() > phone.wire.line.taken_at)
        await idle.say(type="ping")
        await idle.expect("pong")
        now = time.monotonic()
        monkeypatch.setattr(gateway.sockets, "_clock", lambda: now + 2)
        gateway.sockets.sweep()
        assert phone.wire.line.answer_due is None
        house.owner.append(table)
        await eventually(lambda: phone.wire.line.taken_at > now)
        monkeypatch.setattr(gateway.sockets, "_clock", lambda: now + 4)
        gateway.sockets.sweep()
        assert phone.wire.line.answer_due is not None


async def test_a_phone_with_unsent_bytes_is_asked_only_when_it_has_taken_them(house: House) -> None:
    async with watched_table(house) as (gateway, table, guest, watching):
        narrow = narrow_connection(gateway.url)
        async with gateway.phone(table, sock=narrow, max_queue=1) as slow:
            await slow.auth(house.owner.credential(table, guest))
            wire = seated(gateway, table, guest).wire
            while wire._backlog is None:
                await watching.until_seq(house.owner.append(table, note="x" * 8_000).seq)
            assert not wire.ask()
            await slow.until_seq(table.last_seq)
            await eventually(wire.ask)


async def test_a_pause_of_the_gateway_itself_is_nobodys_silence(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched_table(house) as (gateway, table, guest, _):
        writer = await bare_phone(gateway.url, table.session_id, house.owner.credential(table, guest))
        phone = seated(gateway, table, guest)
        later = time.monotonic() + 60
        monkeypatch.setattr(gateway.sockets, "_clock", lambda: later)
        closings = []
        for _ in range(2):
            gateway.sockets.sweep()
            closings.append(phone.wire.closing)
        assert closings == [None, Closing.SILENT]
        writer.close()


async def test_an_instance_that_stops_declares_nobody_gone_who_vanished(house: House) -> None:
    async with watched_table(house, **QUICK) as (gateway, table, guest, watching):
        await gateway.attendance.drain()
        writer = await bare_phone(gateway.url, table.session_id, house.owner.credential(table, guest))
        house.owner.append(table)
        await watching.until_presence(B="away")
        assert gateway.attendance._lost == {}
        writer.close()
