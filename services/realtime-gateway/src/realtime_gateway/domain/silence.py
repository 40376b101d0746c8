"""How long a phone may be silent, and when it is asked whether it is still there.

A phone pings every ``heartbeat_s``, and one that misses two of these is lost. That alone would notice a phone that
vanished without a word only after a minute, while its partner waits. So a phone that was sent something, and has not
been heard of since it should have it, is asked by a protocol ping, which every WebSocket client answers by itself; and
one that its partner waits for is asked again and again. Any other is left in peace: its battery is worth more.

Times are seconds of any monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

# What a bad mobile network still carries. Bytes on their way are in buffers that nobody here can see (the kernel's,
# nginx's), and a ping arrives behind them.
SLOWEST_BYTES_PER_S = 16_000


class Patience(NamedTuple):
    """Seconds of silence until a phone is lost whatever happens, until it is asked, and until it must have answered."""

    silence_s: float
    ask_after_s: float
    answer_within_s: float


class Judgement(Enum):
    """What silence says about a phone."""

    FINE = auto()
    ASK = auto()
    LOST = auto()


@dataclass(slots=True)
class Line:
    """What is known of the connection to one phone. ``taken_at``: when even a slow one has all that it was sent."""

    heard_at: float
    taken_at: float = 0.0
    answer_due: float | None = None

    def hear(self, now: float) -> None:
        """Anything came from the phone. It need not be the answer: who talks is there."""
        self.heard_at = now
        self.answer_due = None

    def tell(self, now: float, size: int) -> None:
        """The phone is sent ``size`` bytes."""
        self.taken_at = max(now, self.taken_at) + size / SLOWEST_BYTES_PER_S

    def ask(self, now: float, patience: Patience) -> None:
        """The phone is asked to answer."""
        self.answer_due = now + patience.answer_within_s

    def judge(self, now: float, patience: Patience, *, awaited: bool = False) -> Judgement:
        """What to do about the phone's silence. ``awaited``: its partner may be waiting for it."""
        if now - self.heard_at > patience.silence_s:
            return Judgement.LOST
        if self.answer_due is not None:
            return Judgement.LOST if now > self.answer_due else Judgement.FINE
        due = max(self.heard_at + patience.ask_after_s, self.taken_at)
        return Judgement.ASK if (awaited or self.taken_at > self.heard_at) and now >= due else Judgement.FINE


def silence_limit_s(heartbeat_s: float) -> float:
    """Two missed heartbeats, and a little for a slow network."""
    return heartbeat_s * 2.2
