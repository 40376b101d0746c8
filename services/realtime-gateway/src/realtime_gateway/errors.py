"""What can go wrong between the gateway and the owner of sessions."""

from __future__ import annotations

from realtime_gateway.domain.closing import Closing


class SocketRefused(Exception):
    """The phone may not have (or keep) its socket."""

    def __init__(self, closing: Closing) -> None:
        super().__init__(closing.reason)
        self.closing = closing


class DatabaseUnavailable(ConnectionError):
    """The gateway's database is away. A consumed fact is tried again, a phone is asked to."""


class OwnerUnavailable(Exception):
    """session-api cannot say: no connection, too slow, or a 5xx."""
