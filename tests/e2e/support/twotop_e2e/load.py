"""Commands over many sessions while things fail, and the checker that compares what was promised with what is there.

Acknowledged: a 200/201 or the sender's own event on its socket. Stored: the log, read by HTTP and in the database.
Delivered: what each follower saw, in its order. Replayed: the same key again gives the first result.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from twotop_common.testing.eventually import eventually
from twotop_e2e.following import Follower, PollingFollower, SocketFollower
from twotop_e2e.phone import Json, Phone, new_key, pair
from twotop_e2e.stack import Stack

RATE = 100.0


@dataclass
class Table:
    """One pair under load: A follows by socket and sends, B follows by polling or by socket."""

    a: Phone
    b: Phone
    by_socket: SocketFollower
    other: Follower
    acknowledged: dict[str, int | None] = field(default_factory=dict)
    acknowledged_at: list[float] = field(default_factory=list)
    ready: bool = False
    sent: int = 0


class Load:
    """``async with Load(stack, sessions=50)``: pairs of phones sending about ``RATE`` commands a second in all."""

    def __init__(self, stack: Stack, *, sessions: int = 50) -> None:
        self.stack = stack
        self._sessions = sessions
        self.tables: list[Table] = []
        self._senders: list[asyncio.Task[None]] = []
        self._playing = asyncio.Event()
        self._playing.set()
        self._in_flight = 0

    async def __aenter__(self) -> Load:
        for start in range(0, self._sessions, 10):
            batch = range(start, min(start + 10, self._sessions))
            self.tables += await asyncio.gather(*(self._seat(number) for number in batch))
        self._senders = [asyncio.create_task(self._send(table, n)) for n, table in enumerate(self.tables)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for sender in self._senders:
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)
        for table in self.tables:
            await table.by_socket.__aexit__(None, None, None)
            await table.other.__aexit__(None, None, None)
            await table.a.http.aclose()
            await table.b.http.aclose()

    async def _seat(self, number: int) -> Table:
        a, b = await pair(self.stack)
        by_socket = SocketFollower(a)
        other: Follower = PollingFollower(b, wait_s=2) if number % 2 else SocketFollower(b)
        await by_socket.__aenter__()
        await other.__aenter__()
        await by_socket.until_type("partner_joined")
        return Table(a, b, by_socket, other)

    async def _send(self, table: Table, number: int) -> None:
        interval = len(self.tables) / RATE
        next_at = time.monotonic() + interval * (number / len(self.tables))
        while True:
            await asyncio.sleep(max(0.0, next_at - time.monotonic()))
            await self._playing.wait()
            # After an outage a guest does not press as often as was missed.
            next_at = max(next_at + interval, time.monotonic())
            self._in_flight += 1
            await self._send_one(table)
            self._in_flight -= 1

    async def _send_one(self, table: Table) -> None:
        key, table.ready = new_key(), not table.ready
        table.sent += 1
        data = {"ready": table.ready}
        if table.sent % 2:
            answer = await table.a.command("set_ready", data, key=key)
            table.acknowledged[key] = answer["event_seq"]
        else:
            acknowledged = await table.by_socket.command("set_ready", data, command_id=key, timeout_s=60)
            assert "rejected" not in acknowledged, acknowledged
            event = acknowledged.get("event")
            table.acknowledged[key] = event["seq"] if event else None
        table.acknowledged_at.append(time.monotonic())

    def acknowledged(self) -> int:
        return sum(len(table.acknowledged) for table in self.tables)

    async def until_every_table_moves(self, *, since: float, timeout_s: float) -> float:
        """Wait until each table has had a command acknowledged and delivered after ``since``. Seconds it took."""
        deadline = time.monotonic() + timeout_s
        while True:
            self._raise_failed()
            waiting = [
                table
                for table in self.tables
                if not any(at > since for at in table.acknowledged_at[-3:])
                or not any(at > since for at in list(table.other.seen_at.values())[-3:])
            ]
            if not waiting:
                return time.monotonic() - since
            if time.monotonic() > deadline:
                states = "; ".join(f"{t.by_socket.state} / {t.other.state}" for t in waiting[:5])
                raise AssertionError(f"{len(waiting)} tables do not move {timeout_s} s after the fault: {states}")
            await asyncio.sleep(0.05)

    @property
    def broken(self) -> bool:
        """Whether a sender gave up."""
        return any(sender.done() for sender in self._senders)

    def _raise_failed(self) -> None:
        for sender in self._senders:
            if sender.done() and not sender.cancelled():
                sender.result()

    async def check(self) -> None:
        """Pause, then compare acknowledged, stored, delivered and replayed of all that was ever sent.

        Raises AssertionError with everything that is wrong. Goes on playing afterwards.
        """
        self._playing.clear()
        await eventually(lambda: self.broken or not self._in_flight, timeout_s=70)
        self._raise_failed()
        database = await asyncpg.create_pool(self.stack.database_url("session-api"), min_size=1, max_size=4)
        try:
            faults: list[str] = []
            for start in range(0, len(self.tables), 10):
                batch = self.tables[start : start + 10]
                found = await asyncio.gather(*(self._check_table(table, database) for table in batch))
                faults += [fault for of_table in found for fault in of_table]
        finally:
            await database.close()
        assert not faults, f"{len(faults)} faults:\n" + "\n".join(faults[:20])
        self._playing.set()

    async def close_sessions(self) -> None:
        """Leave the tables free. Nobody plays any more."""
        self._playing.clear()
        await asyncio.gather(*(table.a.close_session() for table in self.tables))

    async def _check_table(self, table: Table, database: Any) -> list[str]:
        stored = await table.a.all_events()
        head = len(stored)
        for follower in (table.by_socket, table.other):
            await follower.until_seq(head, timeout_s=10)
        rows = await database.fetch(
            "SELECT seq FROM session_events WHERE session_id = $1 ORDER BY seq", table.a.session_id
        )
        by_key = {event["command_id"]: event["seq"] for event in reversed(stored) if event["command_id"]}
        faults = []
        if [event["seq"] for event in stored] != list(range(1, head + 1)):
            faults.append("the log has gaps")
        if [row["seq"] for row in rows] != list(range(1, head + 1)):
            faults.append("the database has another log")
        commanded = [event["command_id"] for event in stored if event["type"] == "ready_changed"]
        if len(commanded) != len(set(commanded)):
            faults.append("a command has two effects")
        for key, seq in table.acknowledged.items():
            if by_key.get(key) is None:
                faults.append("an acknowledged command is lost")
            elif seq is not None and by_key[key] != seq:
                faults.append(f"acknowledged as {seq}, stored as {by_key[key]}")
        acknowledged = [by_key.get(key, 0) for key in table.acknowledged]
        if acknowledged != sorted(acknowledged):
            faults.append("commands of one phone were reordered")
        for follower in (table.by_socket, table.other):
            faults += follower.broken
            if _bare(follower.seen) != _bare(stored):
                faults.append(f"{type(follower).__name__} saw another log")
            if isinstance(follower, SocketFollower) and follower.resyncs:
                faults.append("was told to resync without a cause")
        for phone in (table.a, table.b):
            faults += phone.unexpected
        for key in list(table.acknowledged)[-3:]:
            again = await table.a.try_command("set_ready", _data_of(stored, key), key=key)
            if again.status_code != 200 or again.json()["event_seq"] != by_key.get(key):
                faults.append(f"a repeat was answered {again.status_code}")
        snapshot = await table.a.snapshot()
        if snapshot["last_seq"] != head:
            faults.append("the snapshot has another head")
        return [f"{table.a.session_id}: {fault}" for fault in faults]


def _data_of(events: list[Json], key: str) -> Json:
    event = next((event for event in events if event["command_id"] == key), None)
    return {"ready": event["data"]["ready"]} if event else {"ready": True}


def _bare(events: list[Json]) -> list[tuple[int, str, str]]:
    return [(event["seq"], event["type"], str(event["data"])) for event in events]
