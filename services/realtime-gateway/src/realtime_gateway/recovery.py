"""How a phone catches up: what it missed is fetched while what is new is held, then both are joined without a window.

The order matters: the room's shard is bound *before* the first fetch. So every event that commits after the fetch read
the log reaches the room as a hint (or by a comparison of heads), and is held once the phone is in the room. The first
page is asked for while the phone is still being admitted; what the room emitted before the phone was in it is a gap
between page and room, and fetched. What is fetched here is as this phone may see it, and is sent to no other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable

from realtime_gateway import metrics
from realtime_gateway.domain.closing import Closing
from realtime_gateway.errors import OwnerUnavailable, SocketRefused
from realtime_gateway.owner import Owner, Page
from realtime_gateway.phone import Delivered, Phone
from realtime_gateway.rooms import Room, Rooms
from realtime_gateway.schemas import event_frame, hello_frame, presence_frame
from twotop_common.contracts.socket_frames import AuthFrame

MAX_MISSED = 5_000
RETRY_PAUSES_S = (0.05, 0.1, 0.2, 0.4)
DRAIN_TIMEOUT_S = 30.0


class Recovery:
    """Brings phones from their ``last_seq`` to live."""

    def __init__(self, owner: Owner, rooms: Rooms, *, heartbeat_s: float, timeout_s: float) -> None:
        self._owner = owner
        self._rooms = rooms
        self._heartbeat_s = heartbeat_s
        self._timeout_s = timeout_s

    async def first_page(self, room: Room, auth: AuthFrame) -> Page | None:
        """What the phone missed, before anybody knows whether it may enter. None when it cannot be had so early."""
        try:
            return await self._owner.events(room.session_id, auth.credential, auth.last_seq)
        except (OwnerUnavailable, SocketRefused):
            return None

    async def recover(self, room: Room, phone: Phone, epoch: str | None, first_page: Awaitable[Page | None]) -> None:
        """Send hello, the missed events (or resync) and what happened meanwhile; the phone is live afterwards.

        ``epoch`` is the one the phone knows. Raises SocketRefused: TRY_AGAIN when session-api cannot be asked.
        """
        started = time.monotonic()
        deadline = started + self._timeout_s
        page = await self._page(room, phone, deadline, first_page)
        if (head := await self._resync_from(room, phone, page, epoch, deadline)) is not None:
            self._hello(room, phone, page.epoch, head)
            self._rooms.resync(room, phone, head, "epoch" if epoch not in (None, page.epoch) else "distance")
            self._join(room, phone)
        else:
            self._hello(room, phone, page.epoch, page.events[-1].seq if page.events else phone.log.cursor)
        while True:
            if phone.must_resync:
                phone.must_resync = False
                self._rooms.resync(room, phone, room.head, "epoch")
                self._join(room, phone)
            elif head is None:
                self._send(room, phone, page)
            if (head is not None or not page.full) and self._go_live(room, phone):
                break
            if page.full:
                await self._drained(phone)
            page = await self._page(room, phone, deadline)
            head = None
        metrics.RECOVERY_SECONDS.observe(time.monotonic() - started)
        phone.wire.push(presence_frame(room.presence.sightings()))
        self._rooms.fetch_if_behind(room)

    async def _drained(self, phone: Phone) -> None:
        """Wait for a phone that has many pages to take, so that they do not count as its backlog."""
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                await phone.wire.drained()
        except TimeoutError:
            raise SocketRefused(Closing.TOO_SLOW) from None
        phone.wire.line.hear(time.monotonic())

    async def _page(
        self, room: Room, phone: Phone, deadline: float, early: Awaitable[Page | None] | None = None
    ) -> Page:
        """The events behind the phone's cursor, asked for until the deadline."""
        attempt = 0
        page = None if early is None else await early
        if page is not None and room.epoch not in (None, page.epoch):
            # The room may have taken up the newer history before this phone was in it to be told.
            page = None
        while page is None:
            try:
                page = await self._owner.events(room.session_id, phone.credential, phone.log.cursor)
            except OwnerUnavailable:
                pause = RETRY_PAUSES_S[min(attempt, len(RETRY_PAUSES_S) - 1)]
                attempt += 1
                if time.monotonic() + pause >= deadline:
                    raise SocketRefused(Closing.TRY_AGAIN) from None
                await asyncio.sleep(pause)
        if room.epoch is None:
            room.epoch = page.epoch
        elif room.epoch != page.epoch:
            await self._rooms.compare_heads([room])
        return page

    async def _resync_from(
        self, room: Room, phone: Phone, page: Page, epoch: str | None, deadline: float
    ) -> int | None:
        """The head to resync from when the phone's numbers cannot be continued; None when they can."""
        asked = phone.log.cursor
        foreign = epoch is not None and epoch != page.epoch
        if not foreign:
            if page.events and not page.full:
                return None
            if not page.events and (asked == 0 or (room.log.cursor is not None and room.log.cursor >= asked)):
                return None
        while True:
            try:
                head = (await self._owner.heads([room.session_id])).last_seq.get(room.session_id)
                break
            except OwnerUnavailable:
                if time.monotonic() + RETRY_PAUSES_S[-1] >= deadline:
                    raise SocketRefused(Closing.TRY_AGAIN) from None
                await asyncio.sleep(RETRY_PAUSES_S[-1])
        if head is None:
            raise SocketRefused(Closing.NO_SESSION)
        return head if foreign or head < asked or head - asked > MAX_MISSED else None

    def _hello(self, room: Room, phone: Phone, epoch: str, known: int) -> None:
        phone.wire.push(
            hello_frame(
                session_id=room.session_id,
                participant_id=phone.participant_id,
                role=phone.claims.role,
                epoch=epoch,
                last_seq=max(known, room.head),
                heartbeat_s=self._heartbeat_s,
            )
        )

    def _send(self, room: Room, phone: Phone, page: Page) -> None:
        items = [(event.seq, Delivered(event, event_frame(event))) for event in page.events]
        missed = phone.log.recover(items)
        for _, item in missed:
            phone.wire.push(item.frame)
        metrics.DELIVERIES.inc(len(missed))
        changed = self._rooms.follow_roster(room, page.events)
        if room.log.cursor is None and not page.full:
            self._learn_wishes(room, page)
        if room.log.cursor is not None or not page.full:
            changed = self._join(room, phone) or changed
        if changed and not room.log.behind:
            self._rooms.enforce(room)

    @staticmethod
    def _learn_wishes(room: Room, page: Page) -> None:
        events = page.events
        if page.settled_at is not None:
            room.awaiting = False
            events = [event for event in events if event.seq > page.settled_at]
        room.follow_wishes(events)

    def _join(self, room: Room, phone: Phone) -> bool:
        """The phone's position becomes the room's, if the room has none yet. True when the roster changed.

        What the phone has and the room has not, the room fetches for the others, and then enforces the roster.
        """
        if room.log.cursor is None:
            return self._rooms.emit(room, room.log.start(phone.log.cursor))
        room.log.learn_head(phone.log.cursor)
        self._rooms.fetch_if_behind(room)
        return False

    def _go_live(self, room: Room, phone: Phone) -> bool:
        flushed = phone.log.go_live(room.log.cursor or 0)
        for _, item in flushed or ():
            phone.wire.push(item.frame)
        metrics.DELIVERIES.inc(len(flushed or ()))
        return flushed is not None
