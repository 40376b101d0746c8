"""How much and how fast a phone may talk, and how much may wait for it."""

from __future__ import annotations

from dataclasses import dataclass

MAX_UNSENT_BYTES = 1024 * 1024
MAX_QUEUED_COMMANDS = 64
MESSAGES_PER_SECOND = 20.0
MESSAGE_BURST = 40.0
# A frame that cannot be understood costs five: rubbish reaches the limit after eight frames, a client's slip does not.
RUBBISH_COST = 5.0


@dataclass(slots=True)
class TokenBucket:
    """A burst that refills at a steady rate. Times are seconds of any monotonic clock."""

    tokens: float
    at: float

    def take(self, now: float, cost: float = 1.0) -> bool:
        """Whether the phone may go on. Once it may not, the socket is closed: there is no waiting."""
        self.tokens = min(MESSAGE_BURST, self.tokens + (now - self.at) * MESSAGES_PER_SECOND) - cost
        self.at = now
        return self.tokens >= 0.0
