"""The order of a room's log, whatever the fan-out loses, doubles or reorders.

Invariants:
- A room's events leave ``RoomLog`` exactly once each, in order of ``seq``, without a gap. What is not yet its turn
  waits in ``ahead``; what is missing is fetched from the owner.
- ``head`` is the highest seq known to exist. ``cursor < head`` means that something must be fetched.
- A phone that is recovering (``PhoneLog.held is not None``) is sent only what it fetches; what the room emits meanwhile
  is held. It goes live in one step, when fetched and held events join without a gap and reach what the room has
  emitted. So no event falls between missed and live.
- All methods are synchronous: nothing can come between two of their steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")

# Events waiting for their turn. Beyond it the newest are dropped: the fetch that closes the gap brings them again.
MAX_AHEAD = 1_000


@dataclass(slots=True)
class RoomLog(Generic[Item]):
    """One session's log as seen by this instance. ``cursor`` is None until the first fetch tells where it stands."""

    cursor: int | None = None
    head: int = 0
    ahead: dict[int, Item] = field(default_factory=dict)

    def offer(self, items: Iterable[tuple[int, Item]]) -> list[tuple[int, Item]]:
        """Take events in any order; return those whose turn it is now, in order."""
        cursor = self.cursor
        for seq, item in items:
            self.head = max(self.head, seq)
            if (cursor is None or seq > cursor) and (len(self.ahead) < MAX_AHEAD or seq == (cursor or 0) + 1):
                self.ahead.setdefault(seq, item)
        return self._ready()

    def start(self, cursor: int) -> list[tuple[int, Item]]:
        """Everything up to ``cursor`` is known to the phones. Return the events already waiting right behind it."""
        if self.cursor is None or cursor > self.cursor:
            self.cursor = cursor
            self.head = max(self.head, cursor)
            for seq in [seq for seq in self.ahead if seq <= cursor]:
                del self.ahead[seq]
        return self._ready()

    def learn_head(self, head: int) -> None:
        """The owner says that the log reaches ``head``."""
        self.head = max(self.head, head)

    def restart(self) -> None:
        """The history is another one (epoch): numbers of the old one mean nothing."""
        self.cursor = None
        self.head = 0
        self.ahead.clear()

    @property
    def behind(self) -> bool:
        """Whether something is missing."""
        return self.cursor is not None and self.cursor < self.head

    def _ready(self) -> list[tuple[int, Item]]:
        if self.cursor is None:
            return []
        ready: list[tuple[int, Item]] = []
        while self.ahead and (item := self.ahead.pop(self.cursor + 1, None)) is not None:
            self.cursor += 1
            ready.append((self.cursor, item))
        return ready


@dataclass(slots=True)
class PhoneLog(Generic[Item]):
    """What one phone has been sent. Starts recovering; ``held`` collects what the room emits meanwhile."""

    cursor: int
    held: list[tuple[int, Item]] | None = field(default_factory=list)

    @property
    def live(self) -> bool:
        return self.held is None

    def take(self, seq: int, item: Item) -> bool:
        """The room emits an event. True: send it now. False: the phone has it, or it is held until it is live."""
        if self.held is not None:
            self.held.append((seq, item))
            return False
        if seq <= self.cursor:
            return False
        self.cursor = seq
        return True

    def recover(self, fetched: Iterable[tuple[int, Item]]) -> list[tuple[int, Item]]:
        """Fetched events in order: return those the phone still lacks."""
        missed = []
        for seq, item in fetched:
            if seq == self.cursor + 1:
                self.cursor = seq
                missed.append((seq, item))
        return missed

    def restart(self) -> None:
        """The history is another one (epoch): what is held is of the old one."""
        if self.held is not None:
            self.held.clear()

    def jump(self, cursor: int) -> None:
        """The phone resyncs from a snapshot that is at least as new as ``cursor``."""
        self.cursor = cursor

    def go_live(self, room_cursor: int) -> list[tuple[int, Item]] | None:
        """Flush what was held, if it joins what was sent and reaches what the room has emitted.

        None: there is a gap and more must be fetched.
        """
        if self.held is None:
            return []
        waiting = [(seq, item) for seq, item in self.held if seq > self.cursor]
        if waiting and waiting[0][0] != self.cursor + 1:
            return None
        reached = waiting[-1][0] if waiting else self.cursor
        if reached < room_cursor:
            return None
        self.held = None
        self.cursor = reached
        return waiting
