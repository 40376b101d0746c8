"""The order of a room's log: exactly once, in order, without a gap, whatever the fan-out does."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from realtime_gateway.domain.log_order import MAX_AHEAD, PhoneLog, RoomLog


def numbered(*seqs: int) -> list[tuple[int, str]]:
    return [(seq, f"event {seq}") for seq in seqs]


def test_events_leave_in_order_once() -> None:
    log: RoomLog[str] = RoomLog(cursor=0)
    assert log.offer(numbered(2, 3)) == []
    assert log.behind
    assert log.offer(numbered(1)) == numbered(1, 2, 3)
    assert log.offer(numbered(1, 2, 3)) == []
    assert not log.behind


def test_events_before_the_first_fetch_wait_for_it() -> None:
    log: RoomLog[str] = RoomLog()
    assert log.offer(numbered(5, 7)) == []
    assert not log.behind
    assert log.start(4) == numbered(5)
    assert log.behind


def test_a_head_that_is_ahead_means_that_something_is_missing() -> None:
    log: RoomLog[str] = RoomLog(cursor=3)
    log.learn_head(4)
    assert log.behind


def test_what_waits_is_bounded_and_never_blocks_the_next_event() -> None:
    log: RoomLog[str] = RoomLog(cursor=0)
    log.offer(numbered(*range(2, MAX_AHEAD + 500)))
    assert len(log.ahead) == MAX_AHEAD
    assert log.offer(numbered(1))[-1][0] == MAX_AHEAD + 1
    assert log.behind


def test_another_history_starts_from_nothing() -> None:
    log: RoomLog[str] = RoomLog(cursor=9, head=9)
    log.offer(numbered(11))
    log.restart()
    assert log.start(2) == []
    assert (log.cursor, log.head) == (2, 2)


def test_a_start_behind_the_cursor_changes_nothing() -> None:
    log: RoomLog[str] = RoomLog(cursor=9, head=9)
    assert log.start(4) == []
    assert log.cursor == 9


def test_a_phone_does_not_go_live_behind_what_the_room_has_emitted() -> None:
    phone: PhoneLog[str] = PhoneLog(2)
    assert phone.go_live(room_cursor=5) is None
    assert phone.recover(numbered(3, 4, 5)) == numbered(3, 4, 5)
    assert phone.go_live(room_cursor=5) == []
    assert phone.live
    assert phone.go_live(room_cursor=5) == []


def test_a_phone_does_not_go_live_over_a_gap() -> None:
    phone: PhoneLog[str] = PhoneLog(2)
    assert not phone.take(5, "event 5")
    assert phone.go_live(room_cursor=5) is None


def test_what_was_held_of_another_history_is_not_sent() -> None:
    phone: PhoneLog[str] = PhoneLog(6)
    phone.take(7, "event 7 of the old history")
    phone.restart()
    phone.jump(5)
    for seq, item in numbered(6, 7):
        phone.take(seq, item)
    assert phone.go_live(room_cursor=7) == numbered(6, 7)


@dataclass
class Screen:
    """What one phone was sent of the present history."""

    log: PhoneLog[str]
    started_at: int
    first_page: tuple[list[tuple[int, str]], bool] | None = None
    sent: list[tuple[int, str]] = field(default_factory=list)
    must_resync: bool = False

    def resync(self, head: int) -> None:
        self.log.jump(head)
        self.started_at, self.sent, self.must_resync = head, [], False


class RoomUnderFire(RuleBasedStateMachine):
    """A log grows, or is another one (a restored database); hints are lost, doubled and reordered; phones come at any
    moment; fetches see the log as it is.
    """

    @initialize(length=st.integers(0, 5))
    def begin(self, length: int) -> None:
        self.length, self.epoch = length, 0
        self.room: RoomLog[str] = RoomLog()
        self.undelivered: list[int] = []
        self.screens: list[Screen] = []
        self.at_the_door: list[tuple[Screen, int]] = []

    def events(self, *seqs: int) -> list[tuple[int, str]]:
        return [(seq, f"event {seq} of history {self.epoch}") for seq in seqs]

    def emit(self, ready: list[tuple[int, str]]) -> None:
        for screen in self.screens:
            for seq, item in ready:
                if screen.log.take(seq, item):
                    screen.sent.append((seq, item))

    @rule(count=st.integers(1, 4))
    def events_are_committed(self, count: int) -> None:
        self.undelivered += range(self.length + 1, self.length + count + 1)
        self.length += count

    @rule(data=st.data())
    def a_hint_arrives(self, data: st.DataObject) -> None:
        if self.undelivered:
            at = data.draw(st.integers(0, len(self.undelivered) - 1))
            self.emit(self.room.offer(self.events(self.undelivered.pop(at))))

    @rule(data=st.data())
    def a_hint_arrives_again(self, data: st.DataObject) -> None:
        if self.length:
            seq = data.draw(st.integers(1, self.length))
            self.emit(self.room.offer(self.events(seq)))

    @rule()
    def a_hint_is_lost(self) -> None:
        if self.undelivered:
            self.undelivered.pop()

    @rule(data=st.data(), page=st.integers(1, 4))
    def a_phone_comes(self, data: st.DataObject, page: int) -> None:
        last_seq = data.draw(st.integers(0, self.length))
        screen = Screen(PhoneLog(last_seq), last_seq, self.page(last_seq, page))
        self.at_the_door.append((screen, self.epoch))

    @rule(data=st.data())
    def a_phone_is_admitted(self, data: st.DataObject) -> None:
        if not self.at_the_door:
            return
        screen, epoch = self.at_the_door.pop(data.draw(st.integers(0, len(self.at_the_door) - 1)))
        if epoch != self.epoch:
            # What it fetched is of another history, so it is asked for again, and its own number is foreign.
            screen.must_resync, screen.first_page = True, None
        self.screens.append(screen)

    @rule(data=st.data(), page=st.integers(1, 4))
    def a_phone_fetches(self, data: st.DataObject, page: int) -> None:
        recovering = [screen for screen in self.screens if not screen.log.live]
        if not recovering:
            return
        self.fetch(data.draw(st.sampled_from(recovering)), page)

    def fetch(self, screen: Screen, page: int) -> None:
        if screen.must_resync:
            screen.resync(max(self.room.head, self.room.cursor or 0))
        items, full = screen.first_page or self.page(screen.log.cursor, page)
        screen.first_page = None
        screen.sent += screen.log.recover(items)
        if self.room.cursor is not None:
            self.room.learn_head(screen.log.cursor)
        elif not full:
            self.emit(self.room.start(screen.log.cursor))
        if not full:
            screen.sent += screen.log.go_live(self.room.cursor or 0) or ()

    def page(self, cursor: int, size: int) -> tuple[list[tuple[int, str]], bool]:
        items = self.events(*range(cursor + 1, min(self.length, cursor + size) + 1))
        return items, len(items) == size

    @rule(length=st.integers(1, 12))
    def the_history_is_another_one(self, length: int) -> None:
        if self.room.cursor is None:
            return
        self.length, self.epoch, self.undelivered = length, self.epoch + 1, []
        self.room.restart()
        self.room.start(length)
        for screen in self.screens:
            if screen.log.live:
                screen.resync(length)
            else:
                screen.log.restart()
                screen.must_resync, screen.first_page = True, None

    @rule()
    def heads_are_compared(self) -> None:
        if self.room.cursor is not None:
            self.room.learn_head(self.length)
            if self.room.behind:
                self.emit(self.room.offer(self.events(*range(self.room.cursor + 1, self.length + 1))))

    @invariant()
    def nobody_sees_a_gap_or_an_event_twice(self) -> None:
        for screen in getattr(self, "screens", []):
            if not screen.must_resync:
                reached = screen.started_at + len(screen.sent)
                assert screen.sent == self.events(*range(screen.started_at + 1, reached + 1))

    def teardown(self) -> None:
        if not hasattr(self, "room"):
            return
        self.screens += [screen for screen, epoch in self.at_the_door if epoch == self.epoch]
        for screen in self.screens:
            while not screen.log.live:
                self.fetch(screen, self.length + 1)
        self.heads_are_compared()
        self.nobody_sees_a_gap_or_an_event_twice()
        assert all(screen.log.cursor == self.length for screen in self.screens)


TestRoomUnderFire = RoomUnderFire.TestCase
TestRoomUnderFire.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)


@given(st.permutations(range(1, 12)), st.lists(st.integers(1, 11)))
def test_any_order_and_any_duplicates_come_out_the_same(order: list[int], again: list[int]) -> None:
    log: RoomLog[str] = RoomLog(cursor=0)
    out = []
    for seq in [*again, *order]:
        out += log.offer(numbered(seq))
    assert out == numbered(*range(1, 12))
