"""Presence and the one live socket of a participant, within an instance and across instances."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from gateway_testing.house import House, RunningGateway
from gateway_testing.owner_double import Guest, Table
from redis.asyncio import Redis
from sqlalchemy import text

from realtime_gateway import attendance, queries
from realtime_gateway.domain.presence import Mark
from realtime_gateway.errors import DatabaseUnavailable
from twotop_common.contracts.realtime_gateway import ParticipantConnected, ParticipantGone
from twotop_common.contracts.registry import REGISTRY
from twotop_common.contracts.session_log import PollingHint, shard_of
from twotop_common.credentials import ParticipantClaims
from twotop_common.testing.eventually import eventually

pytestmark = pytest.mark.integration

CONNECTED = REGISTRY.of(ParticipantConnected).name
GONE = REGISTRY.of(ParticipantGone).name


async def facts(house: House, name: str) -> list[str]:
    """Facts of a type that reached session-api's queue and those still in the outbox, by participant."""
    return [fact["participant_id"] for fact in await house.published(name)]


async def test_phones_see_each_other_come_and_go(house: House) -> None:
    gateway, table = await house.open_table(gone_after_s=0.5)
    a, b = table.guests
    async with gateway.phone(table) as first:
        await first.auth(house.owner.credential(table, a))
        await first.until_presence(A="online")
        async with gateway.phone(table) as second:
            await second.auth(house.owner.credential(table, b))
            await second.until_presence(A="online", B="online")
            await first.until_presence(B="online")
        await first.until_presence(A="online", B="away")
        await first.until_presence(A="online", B="gone")
        assert await eventually(lambda: facts(house, GONE)) == [str(b.participant_id)]
        async with gateway.phone(table) as second:
            await second.auth(house.owner.credential(table, b))
            await first.until_presence(B="online")
    assert (await facts(house, CONNECTED)).count(str(b.participant_id)) == 2


async def test_who_comes_back_in_time_is_never_gone(house: House) -> None:
    gateway, table = await house.open_table(gone_after_s=1.2)
    a, b = table.guests
    async with gateway.phone(table) as first:
        await first.auth(house.owner.credential(table, a))
        async with gateway.phone(table) as second:
            await second.auth(house.owner.credential(table, b))
        await first.until_presence(B="away")
        async with gateway.phone(table) as second:
            await second.auth(house.owner.credential(table, b))
            await first.until_presence(B="online")
            assert gateway.attendance._lost == {}
            await gateway.attendance.sweep()
            assert await facts(house, GONE) == []


async def test_who_comes_back_while_it_is_declared_gone_came_after_it_was_gone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attendance, "SWEEP_S", 3_600)
    gateway, table = await house.open_table(gone_after_s=1.0)
    credential = house.owner.credential(table, table.guests[1])
    async with gateway.phone(table) as phone:
        await phone.auth(credential)
    lost = gateway.attendance._lost
    await eventually(lambda: any(one.due <= time.monotonic() for one in lost.values()))
    claim_connection = queries.claim_connection

    async def claim_after_the_sweep(*args: Any) -> int:
        await gateway.attendance.sweep()
        return await claim_connection(*args)

    monkeypatch.setattr(queries, "claim_connection", claim_after_the_sweep)
    async with gateway.phone(table) as phone:
        await phone.auth(credential)
        before, after = [one["connected_at"] for one in await eventually(lambda: both(house, CONNECTED))]
        (gone,) = await house.published(GONE)
        gone_at = datetime.fromisoformat(gone["gone_at"])
        assert datetime.fromisoformat(before) < gone_at < datetime.fromisoformat(after)


async def both(house: House, name: str) -> list[dict[str, Any]]:
    """The facts of a type once there are two."""
    published = await house.published(name)
    return published if len(published) == 2 else []


async def test_a_newer_socket_replaces_the_older_on_the_same_instance(house: House) -> None:
    gateway, table = await house.open_table()
    credential = house.owner.credential(table, table.guests[0])
    async with gateway.phone(table) as older, gateway.phone(table) as newer:
        await older.auth(credential)
        await newer.auth(credential)
        assert await older.close_code() == 4409
        assert older.bye == "replaced"
        house.owner.append(table)
        await newer.until_seq(2)


async def two_gateways(house: House, **settings: object) -> tuple[RunningGateway, RunningGateway, Table]:
    first, second = await house.gateway(**settings), await house.gateway(**settings)
    table = house.owner.seat()
    await house.registered(first, table)
    return first, second, table


async def test_a_newer_socket_replaces_the_older_on_another_instance(house: House) -> None:
    first, second, table = await two_gateways(house)
    credential = house.owner.credential(table, table.guests[0])
    async with first.phone(table) as older, second.phone(table) as newer:
        await older.auth(credential)
        await newer.auth(credential)
        assert await older.close_code() == 4409
        assert list(first.attendance._lost) == []


async def test_a_replaced_socket_is_found_although_its_hint_was_lost(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, table = await two_gateways(house)
    credential = house.owner.credential(table, table.guests[0])
    monkeypatch.setattr(second.attendance, "_publish_hint", lambda hint: True)
    async with first.phone(table) as older, second.phone(table) as newer:
        await older.auth(credential)
        await newer.auth(credential)
        await first.attendance.reconcile()
        assert await older.close_code() == 4409


async def test_phones_on_two_instances_get_the_same_events_and_presence(house: House) -> None:
    first, second, table = await two_gateways(house)
    a, b = table.guests
    async with first.phone(table) as one, second.phone(table) as other:
        await one.auth(house.owner.credential(table, a))
        await other.auth(house.owner.credential(table, b))
        await other.until_presence(A="online", B="online")
        await one.until_presence(A="online", B="online")
        await one.command("c-1", ready=True)
        await one.event_of("c-1")
        await other.event_of("c-1")


async def test_a_room_that_opens_later_remembers_who_is_away(house: House) -> None:
    first, second, table = await two_gateways(house)
    a, b = table.guests
    async with first.phone(table) as one:
        await one.auth(house.owner.credential(table, a))
    await eventually(lambda: not list(first.rooms))
    memory = first.attendance._memory
    mark = await eventually(lambda: memory.recall(table.session_id))
    await eventually(lambda: _is_away(memory, table))
    assert mark[a.participant_id].connection == 1
    async with second.phone(table) as other:
        await other.auth(house.owner.credential(table, b))
        await other.until_presence(A="away", B="online")


async def _is_away(memory: Any, table: Table) -> bool:
    marks = await memory.recall(table.session_id)
    return bool(marks[table.guests[0].participant_id].status == "away")


async def test_an_older_mark_never_overwrites_a_newer_in_the_memory(house: House) -> None:
    gateway = await house.gateway()
    memory, table = gateway.attendance._memory, house.owner.seat()
    one = table.guests[0].participant_id
    for mark in (Mark("A", 2, "online"), Mark("A", 1, "gone"), Mark("A", 2, "away"), Mark("A", 2, "online")):
        await memory.see(table.session_id, one, mark)
    assert (await memory.recall(table.session_id))[one] == Mark("A", 2, "away")
    await memory.keep([table.session_id])


async def test_without_redis_phones_connect_and_see_each_other(house: House) -> None:
    gateway, table = await house.open_table(redis_url="redis://127.0.0.1:1/0")
    a, b = table.guests
    async with gateway.phone(table) as first, gateway.phone(table) as second:
        await first.auth(house.owner.credential(table, a))
        await second.auth(house.owner.credential(table, b))
        await second.until_presence(A="online", B="online")
        await gateway.attendance.reconcile()


def ask_without_a_socket(house: House, table: Table, guest: Guest, *, present_for_s: float = 30) -> None:
    """What session-api says when this phone has asked for something."""
    hint = PollingHint(
        session_id=table.session_id, participant_id=guest.participant_id, role=guest.role, present_for_s=present_for_s
    )
    house.owner.publish(shard_of(table.session_id), hint.model_dump_json().encode())


async def test_a_partner_that_polls_is_shown_as_online_until_that_counts_no_more(house: House) -> None:
    gateway, table = await house.open_table()
    a, b = table.guests
    async with gateway.phone(table) as first:
        await first.auth(house.owner.credential(table, a))
        await first.until_presence(A="online")
        ask_without_a_socket(house, table, b)
        await first.until_presence(A="online", B="online")
        presence = gateway.rooms.get(table.session_id).presence
        assert presence.polling[b.participant_id].until - time.monotonic() == pytest.approx(30, abs=5)
        presence.polling[b.participant_id].until = time.monotonic()
        await first.until_presence(A="online", B="gone")
        await eventually(lambda: not gateway.attendance._polled)
        ask_without_a_socket(house, table, b, present_for_s=1)
        await first.until_presence(A="online", B="online")
        await first.until_presence(A="online", B="gone")
    assert await facts(house, GONE) == []


async def test_a_phone_that_polls_once_its_socket_is_gone_is_shown_as_online_again(house: House) -> None:
    gateway, table = await house.open_table(gone_after_s=0.5)
    a, b = table.guests
    async with gateway.phone(table) as first:
        await first.auth(house.owner.credential(table, a))
        async with gateway.phone(table) as second:
            await second.auth(house.owner.credential(table, b))
            await first.until_presence(A="online", B="online")
            ask_without_a_socket(house, table, a)
        await first.until_presence(A="online", B="away")
        await first.until_presence(A="online", B="gone")
        ask_without_a_socket(house, table, b)
        await first.until_presence(A="online", B="online")


async def test_a_lost_instance_is_buried_by_another_and_its_phones_reconnect(house: House) -> None:
    survivor = await house.gateway(gone_after_s=0.4, instance_beat_s=0.1)
    table = house.owner.seat()
    await house.registered(survivor, table)
    a, b = table.guests
    async with survivor.phone(table) as watching:
        await watching.auth(house.owner.credential(table, b))
        async with house.start(gone_after_s=30) as lost, lost.phone(table) as phone:
            await phone.auth(house.owner.credential(table, a))
            await watching.until_presence(A="online", B="online")
            lost_id = lost.handlers._instance_id
            # Killed: it says nothing any more, neither of its phones nor of itself.
            lost.attendance._publish_hint = lambda hint: True
            await lost.attendance.drain()
        async with survivor.handlers._transaction() as session:
            await session.execute(
                text("UPDATE instances SET heartbeat_at = now() - interval '1 minute' WHERE instance_id = :id"),
                {"id": lost_id},
            )
        await watching.until_presence(A="gone", B="online")
        assert await eventually(lambda: facts(house, GONE)) == [str(a.participant_id)]
        async with survivor.phone(table) as phone:
            await phone.auth(house.owner.credential(table, a), last_seq=1)
            await watching.until_presence(A="online")


async def test_an_instance_declared_dead_by_mistake_numbers_its_sockets_anew(house: House) -> None:
    gateway, table = await house.open_table(instance_beat_s=60)
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await _declared_dead(gateway)
        await gateway.attendance.beat()
        room = gateway.rooms.get(table.session_id)
        assert room.phones[table.guests[0].participant_id].connection == 2
        house.owner.append(table)
        await phone.until_seq(2)


async def _declared_dead(gateway: RunningGateway) -> None:
    await eventually(lambda: gateway.attendance._known)
    async with gateway.handlers._transaction() as session:
        await session.execute(text("DELETE FROM instances"))


async def test_sockets_are_numbered_anew_to_the_last_although_the_database_went_away_meanwhile(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, table = await house.open_table(instance_beat_s=60)
    a, b = table.guests
    async with gateway.phone(table) as one, gateway.phone(table) as other:
        await one.auth(house.owner.credential(table, a))
        await other.auth(house.owner.credential(table, b))
        await _declared_dead(gateway)
        connect, away = gateway.handlers.connect, iter([False, True])

        async def connect_unless_away(claims: ParticipantClaims) -> int:
            if next(away, False):
                raise DatabaseUnavailable
            return int(await connect(claims))

        monkeypatch.setattr(gateway.handlers, "connect", connect_unless_away)
        with pytest.raises(DatabaseUnavailable):
            await gateway.attendance.beat()
        assert sorted(phone.connection for phone in gateway.rooms.phones()) == [1, 2]
        await gateway.attendance.beat()
        assert [phone.connection for phone in gateway.rooms.phones()] == [2, 2]


async def test_who_leaves_while_sockets_are_numbered_anew_is_not_called_online(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, table = await house.open_table(instance_beat_s=60, gone_after_s=0.5)
    leaving = table.guests[0].participant_id
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await _declared_dead(gateway)
        connect = gateway.handlers.connect

        async def connect_as_it_leaves(claims: ParticipantClaims) -> int:
            await phone.socket.close()
            await eventually(lambda: not gateway.rooms.phones())
            return int(await connect(claims))

        monkeypatch.setattr(gateway.handlers, "connect", connect_as_it_leaves)
        await gateway.attendance.beat()
    assert await eventually(lambda: facts(house, GONE)) == [str(leaving)]
    memory = gateway.attendance._memory

    async def remembered_as_gone() -> bool:
        return bool((await memory.recall(table.session_id))[leaving] == Mark("A", 2, "gone"))

    await eventually(remembered_as_gone)


async def test_nobody_of_an_ended_session_goes_missing(house: House) -> None:
    gateway, table = await house.open_table(gone_after_s=0.2)
    async with gateway.phone(table) as phone:
        await phone.auth(house.owner.credential(table, table.guests[0]))
        await phone.expect("presence")
        house.owner.append(table, "session_closed", reason="guest")
        assert await phone.close_code() == 4410
    await eventually(lambda: not list(gateway.rooms))
    assert gateway.attendance._lost == {}
    assert await facts(house, GONE) == []


async def test_presence_survives_an_unreadable_redis(house: House) -> None:
    gateway = await house.gateway()
    session_id = uuid4()
    client = Redis.from_url(house.settings["redis_url"])
    try:
        await client.set(f"presence:{session_id}", "not a hash")
    finally:
        await client.aclose()
    assert await gateway.attendance._memory.recall(session_id) == {}
